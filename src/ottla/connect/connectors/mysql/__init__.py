"""Changes of MySQL and MariaDB, from their binary log, in the shapes of Debezium's connectors."""
