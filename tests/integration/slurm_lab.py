"""A Slurm of one's own: munge, slurmctld and several slurmd on this machine, for a test.

Everything lies in one folder, listens on free ports, and is stopped by its process numbers. Any
user can have one; as root, `spaces=True` gives each node a network, a host name and a /dev/shm of
its own, and `crash` then kills a whole node without warning.

    with Lab(folder) as lab:
        lab.run("sbatch", "job.sh")

`python3 slurm_lab.py FOLDER` starts one, prints its SLURM_CONF and keeps it until interrupted.
"""

import contextlib
import os
import pathlib
import pwd
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

SKIP = 77
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "scontrol", "mpirun")
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

PROLOG = """#!/bin/sh
# Nodes of one machine share its /dev/shm: each gets a folder of its own for shared memory.
echo "export OMPI_MCA_btl_vader_backing_directory={folder}/tmp/$SLURMD_NODENAME"
"""

# Why each line that is not obvious: cred_expire shortens the wait of a requeued job from two
# minutes to seconds; TmpFS must differ from node to node, or PMIx fails; config_overrides lets
# a node claim processors that are not there; a requeued heterogeneous job waits for about half of
# BatchStartTimeout.
CONFIG = """ClusterName=lab
SlurmctldHost={host}({control})
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdPidFile={folder}/run/slurmd.%n.pid
SlurmdLogFile={folder}/log/slurmd.%n.log
SlurmdSpoolDir={folder}/spool/%n
TmpFS={folder}/tmp/%n
TaskProlog={folder}/prolog.sh
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters={scheduler}
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
ReturnToService=2
SlurmdTimeout={node_timeout}
KillWait=5
MinJobAge=600
MessageTimeout=10
BatchStartTimeout=20
JobRequeue=1
PropagateResourceLimits=NONE
{nodes}
PartitionName=cpu-a Nodes=n[1-2] Default=YES MaxTime=60 PriorityTier=1 GraceTime=10 State=UP
PartitionName=cpu-b Nodes=n[3-4] MaxTime=60 PriorityTier=1 GraceTime=10 State=UP
PartitionName=urgent Nodes=n[1-4] MaxTime=60 PriorityTier=10 PreemptMode=OFF State=UP
"""
SCHEDULER = (
    "bf_interval=2,sched_interval=2,batch_sched_delay=0,bf_hetjob_immediate,requeue_delay=2"
)

# A node of its own: nsenter, not `ip netns exec`, which would hide /sys/fs/cgroup.
NODE = """hostname "$1" && mount -t tmpfs -o size=512m,mode=1777 tmpfs /dev/shm &&
mount --bind "$2" /etc/hosts && shift 2 && exec "$@"
"""


def missing():
    """What keeps a lab from being here, or None."""
    absent = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
    return f"not installed: {' '.join(absent)}" if absent else None


def skip_unless_possible():
    reason = missing()
    if reason:
        print(f"SKIP: no Slurm here ({reason}); sh tests/run.sh installs it")
        sys.exit(SKIP)


def can_have_spaces():
    """Whether this process may make network, host name and mount spaces."""
    if os.geteuid() != 0 or not shutil.which("ip", path=PATH):
        return False
    try_all = "ip link add probe type bridge && ip link add one type veth peer name two"
    command = ["unshare", "--net", "--uts", "--mount", "sh", "-c", try_all]
    env = {**os.environ, "PATH": PATH}
    return subprocess.run(command, capture_output=True, check=False, env=env).returncode == 0


def free_ports(count):
    """Below those that the kernel gives to connections, which would take one before its daemon."""
    range_file = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(range_file.read_text().split()[0]) if range_file.exists() else 32768
    with contextlib.ExitStack() as stack:
        ports = []
        for port in random.sample(range(min(10000, first - 2000), first), 2000):
            one = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                ports.append(port)
            if len(ports) == count:
                return ports
    sys.exit(f"no {count} free ports below {first}")


def wait_until(what, condition, seconds=300, pause=0.1):
    """Poll until the condition holds; its value. `what` is a text, or makes one."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            sys.exit(f"after {seconds} s: {what() if callable(what) else what}")
        time.sleep(pause)


def prepare():
    """A daemon's own start: no blocked signals, and no core files of what it starts."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Lab:
    NODES = ("n1", "n2", "n3", "n4")

    def __init__(self, folder, spaces=False, cpus=4, memory=4000):
        self.folder = pathlib.Path(folder).resolve()
        self.spaces, self.cpus, self.memory = spaces, cpus, memory
        self.daemons = []
        self.tag = f"a{os.getpid() % 100000}"
        self.net = f"198.{18 + os.getpid() % 2}.{os.getpid() // 2 % 250}"  # of RFC 2544, nobody's
        self.env = {
            **os.environ,
            "PATH": PATH,
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        }

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *unused):
        self.stop()

    def run(self, *command, check=True, **more):
        """A program with this cluster's environment; its standard output without the last line
        end."""
        done = subprocess.run(
            [str(word) for word in command], env=self.env, text=True, capture_output=True,
            stdin=subprocess.DEVNULL, check=False, **more,
        )
        if check and done.returncode != 0:
            sys.exit(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.rstrip("\n") if check else done

    def spawn(self, *command):
        daemon = subprocess.Popen(
            [str(word) for word in command], env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=prepare,
        )
        self.daemons.append(daemon)
        return daemon

    def start(self):
        for name in ("munge", "log", "run", "state"):
            (self.folder / name).mkdir(parents=True)
        for node in self.NODES:
            (self.folder / "spool" / node).mkdir(parents=True)
            (self.folder / "tmp" / node).mkdir(parents=True)
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        prolog = self.folder / "prolog.sh"
        prolog.write_text(PROLOG.format(folder=self.folder))
        prolog.chmod(0o755)
        self.write_config()
        munge = self.folder / "munge"
        self.spawn(
            "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={munge}/socket",
            f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed",
        )
        wait_until("munged has no socket", (munge / "socket").exists)
        self.spawn("slurmctld", "-D", "-i")
        self.slurmd = {node: self.start_node(node) for node in self.NODES}
        wait_until(f"the nodes are not idle; see {self.folder}/log", self.all_idle)

    def write_config(self):
        name = socket.gethostname().split(".")[0]
        ports = free_ports(1 + len(self.NODES))
        nodes = []
        for number, node in enumerate(self.NODES, 1):
            place = f"NodeHostname={name} NodeAddr=127.0.0.1 Port={ports[number]}"
            if self.spaces:
                place = f"NodeHostname={node} NodeAddr={self.net}.{number} Port={ports[1]}"
            nodes.append(f"NodeName={node} {place} CPUs={self.cpus} RealMemory={self.memory}")
        control = f"{self.net}.254" if self.spaces else "127.0.0.1"
        (self.folder / "slurm.conf").write_text(
            CONFIG.format(
                host=name, control=control, port=ports[0], folder=self.folder,
                user=pwd.getpwuid(os.geteuid()).pw_name, scheduler=SCHEDULER,
                nodes="\n".join(nodes),
                # A node that others have taken the processors from is not one that has crashed.
                node_timeout=15 if self.spaces else 300,
            )
        )
        if self.spaces:
            lines = [f"{self.net}.{i} {node}" for i, node in enumerate(self.NODES, 1)]
            hosts = pathlib.Path("/etc/hosts").read_text() + f"{control} {name}\n"
            (self.folder / "hosts").write_text(hosts + "\n".join(lines) + "\n")
            self.ip("link", "add", self.tag, "type", "bridge")
            self.ip("addr", "add", f"{control}/24", "dev", self.tag)
            self.ip("link", "set", self.tag, "up")

    def ip(self, *words, check=True):
        return self.run("ip", *words, check=check)

    def start_node(self, node):
        command = ["slurmd", "-D", "-N", node]
        if self.spaces:
            space, number = f"{self.tag}{node}", self.NODES.index(node) + 1
            if not pathlib.Path("/run/netns", space).exists():
                self.ip("netns", "add", space)
                self.ip("link", "add", f"v{space}", "type", "veth", "peer", "name", "eth0",
                        "netns", space)
                self.ip("link", "set", f"v{space}", "master", self.tag, "up")
                self.ip("-n", space, "link", "set", "lo", "up")
                self.ip("-n", space, "addr", "add", f"{self.net}.{number}/24", "dev", "eth0")
                self.ip("-n", space, "link", "set", "eth0", "up")
            command = [
                "nsenter", f"--net=/run/netns/{space}", "unshare", "--uts", "--mount",
                "--propagation", "private", "sh", "-c", NODE, "sh", node,
                self.folder / "hosts", *command,
            ]
        return self.spawn(*command)

    def all_idle(self):
        done = self.run("sinfo", "-h", "-N", "-o", "%N %t", check=False)
        return set(done.stdout.split("\n")) - {""} == {f"{node} idle" for node in self.NODES}

    def processes_of(self, node):
        """Everything that runs in a node's network."""
        space = os.stat(f"/run/netns/{self.tag}{node}").st_ino
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.stat(entry / "ns" / "net").st_ino == space:
                    found.append(int(entry.name))
        return found

    def crash(self, node):
        """The power cord: every process of the node is gone at once."""
        while pids := self.processes_of(node):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        self.slurmd[node].wait()

    def state(self, job):
        """PENDING, RUNNING, COMPLETED …; of the first component."""
        done = self.run("squeue", "-h", "-t", "all", "-j", job, "-o", "%T", check=False)
        return done.stdout.split("\n")[0].strip()

    def restarts(self, job):
        text = self.run("scontrol", "show", "job", job)
        return int(text.split("Restarts=")[1].split()[0])

    def stop(self):
        with contextlib.suppress(SystemExit):
            if len(self.daemons) > 1:
                self.run("scancel", "--user", pwd.getpwuid(os.geteuid()).pw_name, check=False)
                self.wait_for_steps()
        for daemon in reversed(self.daemons):
            if daemon.poll() is None:
                daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        if self.spaces:
            for node in self.NODES:
                self.ip("netns", "del", f"{self.tag}{node}", check=False)
            self.ip("link", "del", self.tag, check=False)
        self.daemons = []

    def wait_for_steps(self):
        end = time.monotonic() + 15
        while time.monotonic() < end:
            done = self.run("squeue", "-h", "-t", "running,completing", check=False)
            if not done.stdout.strip():
                return
            time.sleep(0.2)


def main():
    skip_unless_possible()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with Lab(sys.argv[1], spaces="--spaces" in sys.argv) as lab:
        print(f"export SLURM_CONF={lab.env['SLURM_CONF']}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
