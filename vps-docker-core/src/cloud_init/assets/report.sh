# How the bootstrap tells what it does: one line of JSON in $run_dir/bootstrap.json, replaced
# atomically, readable by root only. POSIX sh with od, awk, date, mv and tail; no python.

# Bytes on stdin -> the inside of a JSON string in ASCII. What is not UTF-8 becomes U+FFFD, as many
# of them as a decoder by the book would put there.
json_escape() {
    od -An -v -tu1 | awk '
        function emit(c) {
            if (c == 34) printf "\\\""
            else if (c == 92) printf "\\\\"
            else if (c == 9) printf "\\t"
            else if (c == 10) printf "\\n"
            else if (c >= 32 && c < 127) printf "%c", c
            else if (c < 65536) printf "\\u%04x", c
            else {
                c -= 65536
                printf "\\u%04x\\u%04x", 55296 + int(c / 1024), 56320 + c % 1024
            }
        }
        {
            for (i = 1; i <= NF; i++) {
                byte = $i + 0
                if (missing > 0 && byte >= low && byte <= high) {
                    code = code * 64 + byte - 128
                    low = 128; high = 191
                    if (--missing == 0) emit(code)
                    continue
                }
                if (missing > 0) emit(65533)
                missing = 0; low = 128; high = 191
                if (byte < 128) emit(byte)
                else if (byte >= 194 && byte <= 223) { missing = 1; code = byte - 192 }
                else if (byte >= 224 && byte <= 239) {
                    missing = 2; code = byte - 224
                    if (byte == 224) low = 160
                    if (byte == 237) high = 159
                } else if (byte >= 240 && byte <= 244) {
                    missing = 3; code = byte - 240
                    if (byte == 240) low = 144
                    if (byte == 244) high = 143
                } else emit(65533)
            }
        }
        END { if (missing > 0) emit(65533) }'
}

# Centiseconds since the kernel started, in $uptime. No process is started for it.
read_uptime() {
    read -r uptime _ </proc/uptime
    uptime=${uptime%.*}${uptime#*.}
    # "008" would be a bad octal number.
    uptime=${uptime#0}
    uptime=${uptime#0}
}

# seconds CENTISECONDS -> $seconds, a decimal number.
seconds() {
    if [ $(($1 % 100)) -lt 10 ]; then
        seconds=$(($1 / 100)).0$(($1 % 100))
    else
        seconds=$(($1 / 100)).$(($1 % 100))
    fi
}

# end_step: adds the step that is under way, if any, to the list of those that ended.
end_step() {
    read_uptime
    if [ -n "$step" ]; then
        seconds $((uptime - step_began))
        steps="$steps${steps:+,}{\"name\":\"$step\",\"seconds\":$seconds}"
    fi
}

# step NAME: begins a step. Names are ours: letters, digits, blanks.
step() {
    end_step
    step=$1
    step_began=$uptime
    report running
}

# report STATE [MEMBERS]: replaces the report; MEMBERS is JSON that begins with a comma.
report() {
    state=$1
    now=$(date +%s)
    (
        umask 077
        printf '{"schema_version":1,"state":"%s","step":"%s","started_at":%s,"updated_at":%s,"steps":[%s]%s}\n' \
            "$1" "$step" "$started_at" "$now" "$steps" "${2-}" >"$run_dir/bootstrap.json.new"
    )
    mv -f "$run_dir/bootstrap.json.new" "$run_dir/bootstrap.json"
}

# report_failure COMMAND EXIT-CODE: with the end of what the command said, on stdin.
report_failure() {
    report failed ",\"command\":\"$(printf %s "$1" | json_escape)\",\"exit_code\":$2,\"output\":\"$(tail -c 4096 | json_escape)\""
}
