# bash completion of ottoctl(1)

# Names and URLs of servers that start with $cur. The arguments select the Otto to query.
_ottoctl_servers() {
    local name
    while IFS= read -r name; do
        if [[ $name == "$cur"* ]]; then COMPREPLY+=("$(printf %q "$name")"); fi
    done < <(ottoctl "$@" servers --json 2> /dev/null | grep -oE '"(name|url)": "[^"]*"' | sed -E 's/^"[a-z]+": "(.*)"$/\1/' | sort -u)
}

_ottoctl() {
    local commands='status servers show check-server top events add remove drain enable disable weight reload check config set diff
        reset apply token'
    # bash breaks words at the colons of names and URLs: they are joined again, and the part that is already complete is removed
    # from the replies.
    local words=() word glue=''
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if [[ ${#words[@]} -gt 0 && ( $word =~ ^:+$ || $glue ) ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        if [[ $word =~ ^:+$ ]]; then glue=1; else glue=''; fi
    done
    local last=$((${#words[@]} - 1))
    local cur=${words[last]} prev=${words[last - 1]}
    local command='' socket=() at
    for ((at = 1; at < last; at++)); do
        case ${words[at]} in
        --socket)
            socket=(--socket "${words[at + 1]}")
            ((at++))
            ;;
        -*) ;;
        *)
            command=${words[at]}
            break
            ;;
        esac
    done
    COMPREPLY=()
    case $prev in
    --socket)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --sort)
        mapfile -t COMPREPLY < <(compgen -W 'order name state requests errors retries active p50 p99' -- "$cur")
        return
        ;;
    --port)
        mapfile -t COMPREPLY < <(compgen -W 'file socket' -- "$cur")
        return
        ;;
    --name | --weight | --max-connections | --timeout | --lines) return ;;
    esac
    if [[ $cur == -* ]]; then
        local options='--json --socket --help'
        case $command in
        '') options+=' --version' ;;
        top) options+=' --once --sort' ;;
        events) options+=' --once --lines' ;;
        add) options+=' --name --weight --max-connections --backup --wait --timeout' ;;
        remove | drain | disable) options+=' --force --wait --timeout' ;;
        enable) options+=' --wait --timeout' ;;
        weight | reset) options+=' --force' ;;
        apply) options+=' --port' ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        return
    fi
    case $command in
    '') mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
    remove | drain | enable | disable | weight | show | check-server)
        _ottoctl_servers "${socket[@]}"
        if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
            COMPREPLY=("${COMPREPLY[@]#"${cur%"${cur##*:}"}"}")
        fi
        ;;
    check | apply) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    esac
}

complete -F _ottoctl ottoctl
