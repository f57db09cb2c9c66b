"""Kafka's client keys become librdkafka's."""

from __future__ import annotations

from ottla.clients.librdkafka_properties import translate


def test_a_pem_keystore_is_a_certificate_and_a_key() -> None:
    found = translate({
        "ssl.keystore.type": "pem",
        "ssl.keystore.location": "/bob.pem",
        "ssl.keystore.password": "unused",
        "ssl.key.password": "of the key",
        "ssl.truststore.location": "/ca.pem",
        "ssl.truststore.type": "PEM",
    })  # fmt: skip
    assert found == {
        "ssl.certificate.location": "/bob.pem",
        "ssl.key.location": "/bob.pem",
        "ssl.key.password": "of the key",
        "ssl.ca.location": "/ca.pem",
    }


def test_another_keystore_stays_one() -> None:
    given = {"ssl.keystore.type": "PKCS12", "ssl.keystore.location": "/bob.p12", "ssl.keystore.password": "x"}
    assert translate(given) == {"ssl.keystore.location": "/bob.p12", "ssl.keystore.password": "x"}


def test_the_login_of_jaas_and_what_has_no_meaning() -> None:
    found = translate({
        "sasl.jaas.config": 'x.PlainLoginModule required username="me" password="secret";',
        "key.serializer": "x",
        "enable.idempotence": True,
        "ssl.endpoint.identification.algorithm": "",
    })  # fmt: skip
    assert found == {
        "sasl.username": "me",
        "sasl.password": "secret",
        "enable.idempotence": "true",
        "ssl.endpoint.identification.algorithm": "none",
    }
