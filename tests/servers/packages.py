"""PostgreSQL and Kafka as packages: found on this machine, or installed if permitted."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.servers.errors import Failed, Missing

POSTGRES_MAJOR_MIN = 15
JAVA_MAJOR_MIN = 17
KAFKA_VERSION = "4.3.1"
POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>q2c</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>0</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>2.24.3</version>
    </dependency>
  </dependencies>
</project>
"""


def postgres_programs() -> Path:
    """Return the directory of initdb and postgres."""
    return _postgres_found() or _installed(
        f"PostgreSQL {POSTGRES_MAJOR_MIN} or newer", "postgresql", _postgres_found
    )


def java() -> Path:
    return _java_found() or _installed(f"Java {JAVA_MAJOR_MIN} or newer", "default-jre-headless", _java_found)


def kafka_jars() -> Path:
    """Return the directory of the jars, which Maven fetches the first time."""
    jars = _cache() / f"q2c-kafka-{KAFKA_VERSION}"
    if jars.is_dir():
        return jars
    maven = _maven_found() or _installed("Maven", "maven", _maven_found)
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as made:
        pom = Path(made) / "pom.xml"
        pom.write_text(POM)
        copied = pom.with_name("jars")
        _succeed(
            maven,
            *("-q", "-B", "-f", pom, "dependency:copy-dependencies"),
            *("-DincludeScope=runtime", f"-DoutputDirectory={copied}"),
        )
        try:
            copied.rename(jars)
        except OSError:
            if not jars.is_dir():  # otherwise another process was faster
                raise
    return jars


def _cache() -> Path:
    """Return the cache directory, which Kafka's user can read, unlike root's own."""
    usual = Path("/var/cache") if os.geteuid() == 0 else Path.home() / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or usual)


def _postgres_found() -> Path | None:
    debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    on_path = shutil.which("postgres")
    candidates = [*debian, *([Path(on_path).resolve()] if on_path else [])]
    versions = {path.parent: _version(path, "--version") for path in candidates}
    best = max(versions, key=lambda path: versions[path], default=None)
    return best if best and versions[best] >= POSTGRES_MAJOR_MIN else None


def _java_found() -> Path | None:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None) or shutil.which("java")
    return Path(found) if found and _version(Path(found), "-version") >= JAVA_MAJOR_MIN else None


def _maven_found() -> Path | None:
    found = shutil.which("mvn")
    return Path(found) if found else None


def _version(program: Path, question: str) -> int:
    """Return the major version that a program reports."""
    said = subprocess.run([program, question], capture_output=True, text=True, check=True)
    number = re.search(r"\d+", said.stdout + said.stderr)
    return int(number.group()) if number else 0


def _installed(what: str, package: str, found: Callable[[], Path | None]) -> Path:
    """Install a Debian package if permitted, otherwise raise an error with the command to run."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Missing(
            f"{what} is missing. Run: sudo apt-get install -y {package} "
            "(where no test stops the server, Docker will do, or one named in Q2C_TEST_DATABASE_URL, Q2C_TEST_KAFKA_URL)"
        )
    _succeed("apt-get", "update", "-q")
    _succeed("apt-get", "install", "-q", "-y", "--no-install-recommends", package)
    path = found()
    if path is None:
        raise Missing(f"{what} is missing, and Debian's {package} does not bring it")
    return path


def _succeed(*command: str | Path) -> None:
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
    if done.returncode != 0:
        raise Failed(f"{command[0]} ended with status {done.returncode}:\n{done.stdout[-3000:]}")
