"""Log directories that are cordoned get no new replicas (KIP-1066)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic
from tests.cluster.test_faults import ADMIN_S, admin_of
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from tests.cluster.conftest import Cluster

CORDONED = 2


def cordon(admin: AdminClient, value: str) -> None:
    entry = ConfigEntry("cordoned.log.dirs", value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.BROKER, str(CORDONED), incremental_configs=[entry])
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(ADMIN_S)


def takes(admin: AdminClient, name: str, replicas: int) -> bool:
    """Whether a topic with so many replicas can be made."""
    [done] = admin.create_topics([NewTopic(name, 1, replicas)]).values()
    try:
        done.result(ADMIN_S)
    except KafkaException:
        return False
    [gone] = admin.delete_topics([name]).values()
    gone.result(ADMIN_S)
    return True


def test_a_cordoned_broker_gets_no_new_replicas(cluster: Cluster) -> None:
    admin = admin_of(cluster)
    assert takes(admin, "before", 3)
    cordon(admin, "*")
    wait_for(lambda: not takes(admin, "meanwhile", 3), "three replicas have no place")
    assert takes(admin, "elsewhere", 2)
    cordon(admin, "")
    wait_for(lambda: takes(admin, "after", 3), "three replicas have a place again")
