"""A log remembers: read again everything since a moment."""

import sys
import uuid

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

bootstrap = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
topic = f"history-{uuid.uuid4().hex[:8]}"
noon_ms = 1_767_225_600_000

producer = KafkaProducer(bootstrap_servers=bootstrap)
for minute in range(60):
    producer.send(topic, value=f"minute {minute}".encode(), timestamp_ms=noon_ms + minute * 60_000)
producer.flush()
producer.close()

consumer = KafkaConsumer(bootstrap_servers=bootstrap, consumer_timeout_ms=30_000)
partition = TopicPartition(topic, 0)
consumer.assign([partition])
since_ms = noon_ms + 45 * 60_000
found = consumer.offsets_for_times({partition: since_ms})[partition]
consumer.seek(partition, found.offset)
replayed = 0
for message in consumer:
    replayed += 1
    print(message.offset, message.value.decode())
    if message.offset == 59:
        break
consumer.close()
print(f"{replayed} records since minute 45")
