#!/usr/bin/env bash
# A Slurm cluster of one node on this machine, to try `--cmd slurm` and to test it:
#   tools/local_slurm.sh start DIR             start it; everything that it writes lies in DIR
#   tools/local_slurm.sh run DIR COMMAND ...   run a command on it: start it where it does not run, and stop it then
#   tools/local_slurm.sh stop DIR              stop it, with its jobs
#   tools/local_slurm.sh test                  run a small recipe through one in a temporary folder
# It has no accounting database and no cgroups, listens on this machine only, and needs no root. The packages are Debian's
# slurmctld, slurmd, slurm-client and munge. Where they are not installed, they are unpacked into DIR/unpacked. Where they
# cannot be had, the exit code is 3; `test` then says so and ends with 0.
set -euo pipefail
packages=(slurmctld slurmd slurm-client munge)
no_packages=3

say() { printf 'local_slurm.sh: %s\n' "$*" >&2; }

# Unpack what is not installed, with what it depends on, into DIR/unpacked. apt's lists and archives lie in DIR too.
fetch() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || { say "needs Debian's ${packages[*]}, or apt-get to fetch them"; return $no_packages; }
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/archives/partial"
    local apt=(apt-get -qq -o "Dir::Cache=$dir/apt" -o "Dir::Cache::archives=$dir/apt/archives" -o Debug::NoLocking=1
        -o APT::Sandbox::User= -o Acquire::http::Timeout=20 -o Acquire::Retries=1)
    local own=(-o "Dir::State::lists=$dir/apt/lists")
    local get=(install --yes --no-install-recommends --download-only "${packages[@]}")
    # The machine's lists may be missing or old: then with lists of our own.
    if ! "${apt[@]}" "${get[@]}" >"$dir/apt/log" 2>&1 &&
        ! { "${apt[@]}" "${own[@]}" update && "${apt[@]}" "${own[@]}" "${get[@]}"; } >>"$dir/apt/log" 2>&1; then
        say "cannot fetch ${packages[*]}: install them, or give apt-get a network; the messages are in $dir/apt/log"
        return $no_packages
    fi
    mkdir -p "$dir/unpacked.partial"
    local archive
    for archive in "$dir"/apt/archives/*.deb; do dpkg-deb -x "$archive" "$dir/unpacked.partial"; done
    # An installation makes these names as alternatives.
    for archive in slurmctld slurmd slurmstepd; do ln -s "$archive-wlm" "$dir/unpacked.partial/usr/sbin/$archive"; done
    rm -rf "$dir/apt"
    mv "$dir/unpacked.partial" "$dir/unpacked"
}

# Put the programs in PATH: the installed ones, or those below DIR.
find_programs() {
    PATH=$PATH:/usr/sbin:/sbin
    local name missing=""
    for name in slurmctld slurmd sbatch munged; do command -v "$name" >/dev/null || missing=$name; done
    if [ -n "$missing" ]; then
        [ -d "$dir/unpacked" ] || fetch || return
        PATH=$dir/unpacked/usr/sbin:$dir/unpacked/usr/bin:$PATH
        local folder
        for folder in "$dir"/unpacked/usr/lib/*-linux-gnu "$dir"/unpacked/lib/*-linux-gnu "$dir"/unpacked/usr/lib/*-linux-gnu/slurm-wlm; do
            [ ! -d "$folder" ] || LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
        done
        export LD_LIBRARY_PATH
    fi
    export PATH SLURM_CONF=$dir/slurm.conf
}

free_ports() {
    python3 -c '
import socket
sockets = [socket.socket() for _ in range(2)]
for one in sockets: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))'
}

configure() {
    local host user ports plugins
    host=$(hostname -s)
    user=$(id -un)
    read -ra ports < <(free_ports)
    plugins=$(dirname "$(find "$dir/unpacked/usr/lib" /usr/lib/*-linux-gnu/slurm-wlm /usr/lib64/slurm -name auth_munge.so 2>/dev/null | head -n 1)")
    cat >"$dir/slurm.conf" <<END
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmdPort=${ports[1]}
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
PluginDir=$plugins
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,bf_interval=2
MinJobAge=60
KillWait=2
ReturnToService=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(env -u OMP_NUM_THREADS nproc) RealMemory=$(awk '/MemTotal/ {print int($2 / 1024)}' /proc/meminfo) State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
}

is_running() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

start() {
    find_programs || return
    if is_running "$dir/slurmctld.pid"; then
        return
    fi
    mkdir -p "$dir/munge" "$dir/state" "$dir/spool"
    chmod 755 "$dir" "$dir/munge"
    if [ ! -s "$dir/munge/key" ]; then
        (umask 077 && head -c 1024 /dev/urandom >"$dir/munge/key")
        chmod 400 "$dir/munge/key"
    fi
    configure
    munged --force --key-file="$dir/munge/key" --socket="$dir/munge/socket" --pid-file="$dir/munge/pid" \
        --log-file="$dir/munge/log" --seed-file="$dir/munge/seed" >"$dir/munge/start" 2>&1 || { cat "$dir/munge/start" >&2; return 1; }
    slurmctld -c -f "$dir/slurm.conf"
    slurmd -d "$(command -v slurmstepd)" -f "$dir/slurm.conf"
    for _ in $(seq 150); do
        if [ "$(sinfo -h -o %t 2>/dev/null)" = idle ]; then
            say "one node; SLURM_CONF=$dir/slurm.conf"
            return
        fi
        sleep 0.2
    done
    say "the node does not become idle; the last messages:"
    tail -n 5 "$dir/slurmctld.log" "$dir/slurmd.log" >&2
    stop
    return 1
}

end_process() {
    local id
    is_running "$1" || return 0
    id=$(cat "$1")
    kill "$id"
    for _ in $(seq 50); do
        kill -0 "$id" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -9 "$id"
}

stop() {
    find_programs || return
    if is_running "$dir/slurmctld.pid"; then
        scancel --user="$(id -un)" 2>/dev/null || true
        for _ in $(seq 50); do
            [ -n "$(squeue -h 2>/dev/null)" ] || break
            sleep 0.1
        done
    fi
    end_process "$dir/slurmctld.pid"
    end_process "$dir/slurmd.pid"
    end_process "$dir/munge/pid"
}

on_cluster() {
    local code=0 started=""
    find_programs || return
    is_running "$dir/slurmctld.pid" || started=yes
    start || return
    "$@" || code=$?
    [ -z "$started" ] || stop
    return $code
}

usage() {
    sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2
    exit 2
}

command=${1:-}
case $command in
test)
    dir=$(mktemp -d)
    trap 'stop; rm -rf "$dir"' EXIT
    tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    code=0
    start || code=$?
    if [ $code -eq $no_packages ]; then
        say "PASSED OVER: the cluster's packages cannot be had here"
        exit 0
    fi
    [ $code -eq 0 ] || exit $code
    source "$tools/activate.sh"
    cd "$tools/.."
    python -m pytest -q --durations=8 -p no:cacheprovider --basetemp="$dir/work" tests/slurm_cluster.py
    ;;
start | stop | run)
    [ $# -ge 2 ] || usage
    mkdir -p "$2"
    dir=$(cd "$2" && pwd)
    shift 2
    case $command in
    run) [ $# -ge 1 ] || usage; on_cluster "$@" ;;
    *) "$command" ;;
    esac
    ;;
*) usage ;;
esac
