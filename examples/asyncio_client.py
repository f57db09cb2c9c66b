"""From asyncio: records with keys, headers and timestamps, and a reader without a group."""

import asyncio
import sys
import uuid

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

bootstrap = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"


async def main() -> None:
    topic = f"measurements-{uuid.uuid4().hex[:8]}"
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, compression_type="lz4") as producer:
        for number in range(5):
            await producer.send_and_wait(
                topic,
                key=b"sensor-1",
                value=f"{20 + number} C".encode(),
                headers=[("unit", b"celsius")],
                timestamp_ms=1_767_225_600_000 + number * 1000,
            )
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        for _ in range(5):
            message = await consumer.getone()
            print(message.offset, message.timestamp, message.value.decode(), dict(message.headers))


asyncio.run(main())
