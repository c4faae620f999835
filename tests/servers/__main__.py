"""`python -m tests.servers`: run both servers until Ctrl-C, for test runs, benchmarks or experiments."""

import signal
import sys

from tests.servers.kafka import VARIABLE as KAFKA
from tests.servers.kafka import running_kafka
from tests.servers.postgres import VARIABLE as DATABASE
from tests.servers.postgres import running_postgres

with running_postgres() as postgres, running_kafka(lasting=True) as kafka:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.stdout.write(
        "# for tests and benchmarks:\n"
        f"export {DATABASE}={postgres.url}\nexport {KAFKA}={kafka.url}\n"
        "# for q2c itself:\n"
        f"export Q2C_DATABASE_URL={postgres.create_database('q2c')}\nexport Q2C_KAFKA_URL={kafka.url}\n"
    )
    sys.stdout.flush()
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
