"""Two members of one group share four partitions; together they read every record, and commit."""

import sys
import uuid

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

bootstrap = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
topic = f"shared-work-{uuid.uuid4().hex[:8]}"

admin = AdminClient({"bootstrap.servers": bootstrap})
admin.create_topics([NewTopic(topic, num_partitions=4)])[topic].result()

producer = Producer({"bootstrap.servers": bootstrap})
for number in range(1000):
    producer.produce(topic, key=str(number), value=f"task {number}")
producer.flush()


def member() -> Consumer:
    settings = {
        "bootstrap.servers": bootstrap,
        "group.id": f"workers-of-{topic}",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "heartbeat.interval.ms": 500,
    }
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    return consumer


members = [member(), member()]
done: set[bytes] = set()
while len(done) < 1000 or any(len(consumer.assignment()) != 2 for consumer in members):
    for consumer in members:
        messages = consumer.consume(200, timeout=0.2)
        done.update(message.value() for message in messages)
        if messages:
            consumer.commit(asynchronous=False)
for number, consumer in enumerate(members):
    print(f"member {number} has partitions {sorted(each.partition for each in consumer.assignment())}")
    consumer.close()
print(f"{len(done)} tasks done")
