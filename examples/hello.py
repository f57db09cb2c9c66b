"""Create a topic, send ten records, read them from the beginning."""

import sys

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

bootstrap = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
topic = "hello"

admin = AdminClient({"bootstrap.servers": bootstrap})
if topic not in admin.list_topics(timeout=30).topics:
    admin.create_topics([NewTopic(topic, num_partitions=1)])[topic].result()

producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
for number in range(10):
    producer.produce(topic, key=f"key {number}", value=f"hello {number}")
producer.flush()

consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "hello-readers", "auto.offset.reset": "earliest"})
consumer.subscribe([topic])
read = 0
while read < 10:
    for message in consumer.consume(100, timeout=1.0):
        print(message.offset(), message.key().decode(), message.value().decode())
        read += 1
consumer.close()
