# shellcheck shell=bash
# What bench/plan-costs and bench/lists share; sourced by them. One skepd and some simulated engines, alone in a network namespace: what goes over its loopback is
# theirs.

# Before anything else, with the script's own path and its arguments: goes on inside a namespace, as root, with `--inside`; ends after 15 minutes at most.
alone() { # SCRIPT ARGUMENTS
    local script=$1
    shift
    if [ "${1:-}" = --inside ]; then
        folder=$(mktemp -d)
        trap end EXIT
        return
    fi
    if [ $# -gt 0 ]; then
        sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$script"
        exit 2
    fi
    for tool in curl jq unshare; do command -v "$tool" >/dev/null || { echo "$script needs $tool" >&2; exit 2; }; done
    [ -n "${SKEP_BUILT:-}" ] || ./build >&2
    exec timeout --kill-after=30 900 unshare --net "$script" --inside
}

limit=300 # seconds, for whatever is waited for
manager='' agents=''
end() {
    [ -z "$agents" ] || kill "$agents" 2>/dev/null || true
    [ -z "$manager" ] || kill "$manager" 2>/dev/null || true
    wait || true
    rm -rf "$folder"
}

api() { # METHOD PATH [BODY]
    curl -sS --fail-with-body --max-time 60 --unix-socket "$folder/api.sock" -X "$1" -H 'Content-Type: application/json' ${3:+-d "$3"} "http://skep/v1.41$2"
}
start() {
    artifacts/bin/skepd -H "unix://$folder/api.sock" --engine none --data-dir "$folder/data" --metrics-addr 127.0.0.1:9323 >>"$folder/skepd.log" 2>&1 &
    manager=$!
    until api GET /info >/dev/null 2>&1; do sleep 0.1; done
}
until_true() { # SECONDS COMMAND: asks every 0.2 s
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $until ] || { echo "$0: gave up waiting for: $*; last words of skepd: $(tail -n 1 "$folder/skepd.log")" >&2; exit 1; }
        sleep 0.2
    done
}
have_sessions() { [ "$(curl -s --max-time 10 http://127.0.0.1:9323/metrics | awk '/^skep_dispatch_sessions / { print $2 }')" = "$1" ]; }
run() { [ "$(api GET '/services?status=true' | jq '[.[].ServiceStatus.RunningTasks] | add // 0')" = "$1" ]; }

# A cluster of one manager that takes no tasks.
form() {
    ip link set lo up
    start
    api POST /swarm/init '{"ListenAddr":"127.0.0.1:2377","AdvertiseAddr":"127.0.0.1:2377"}' >/dev/null
    sleep 5
    local self
    self=$(api GET /nodes | jq '.[0]')
    api POST "/nodes/$(jq -r .ID <<<"$self")/update?version=$(jq .Version.Index <<<"$self")" "$(jq -c '.Spec | .Availability = "drain"' <<<"$self")" >/dev/null
}
join_agents() { # COUNT
    nice -n 10 artifacts/bin/skep lab agents --manager 127.0.0.1:2377 --token "$(api GET /swarm | jq -r .JoinTokens.Worker)" --count "$1" --start-latency 0.2-0.5 \
        --report "$folder/report.json" >"$folder/agents.log" 2>&1 &
    agents=$!
    until_true "$limit" have_sessions "$1"
}
