# bash completion of ottoctl(1)

_ottoctl() {
    local commands='status servers top events add remove drain enable disable weight reload check diff reset apply token'
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' socket=() at
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
        --socket)
            socket=(--socket "${COMP_WORDS[at + 1]}")
            ((at++))
            ;;
        -*) ;;
        *)
            command=${COMP_WORDS[at]}
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
        esac
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
        return
    fi
    case $command in
    '') mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
    remove | drain | enable | disable | weight)
        ((COMP_CWORD == at + 1)) || return
        # The 16 digits: names and URLs have colons, at which bash breaks words.
        mapfile -t COMPREPLY < <(compgen -W "$(ottoctl "${socket[@]}" servers --json 2> /dev/null |
            sed -n 's/.*"id": "\([0-9a-f]*\)".*/\1/p')" -- "$cur")
        ;;
    check | apply) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    esac
}

complete -F _ottoctl ottoctl
