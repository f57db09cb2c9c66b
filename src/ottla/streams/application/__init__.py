"""A running application: threads, clients, restoration, standbys, commits. The only room with sockets and clocks."""
