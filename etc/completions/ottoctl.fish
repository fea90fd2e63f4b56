# fish completion of ottoctl(1)

function __ottoctl_servers
    ottoctl servers --json 2>/dev/null | string replace -rf '.*"(?:name|url)": "(.*)",$' '$1'
end

set -l on_server remove drain enable disable weight show check-server
set -l drained remove drain disable
set -l healthy add enable

complete -c ottoctl -f
complete -c ottoctl -l json -d 'Print JSON'
complete -c ottoctl -l socket -rF -d 'Address of the admin API'
complete -c ottoctl -l help -d 'Print a summary'
complete -c ottoctl -n __fish_use_subcommand -l version -d 'Print the version'
complete -c ottoctl -n __fish_use_subcommand -a status -d 'Show the status of Otto'
complete -c ottoctl -n __fish_use_subcommand -a servers -d 'List the servers'
complete -c ottoctl -n __fish_use_subcommand -a show -d 'Show all details of servers'
complete -c ottoctl -n __fish_use_subcommand -a check-server -d 'Make Otto check servers now'
complete -c ottoctl -n __fish_use_subcommand -a top -d 'Monitor the servers'
complete -c ottoctl -n __fish_use_subcommand -a events -d 'Follow events'
complete -c ottoctl -n __fish_use_subcommand -a add -d 'Add servers'
complete -c ottoctl -n __fish_use_subcommand -a remove -d 'Remove servers'
complete -c ottoctl -n __fish_use_subcommand -a drain -d 'Stop sending new requests to servers'
complete -c ottoctl -n __fish_use_subcommand -a enable -d 'Send requests to servers again'
complete -c ottoctl -n __fish_use_subcommand -a disable -d 'Stop sending new requests and health checks to servers'
complete -c ottoctl -n __fish_use_subcommand -a weight -d 'Change the weight of servers'
complete -c ottoctl -n __fish_use_subcommand -a reload -d 'Make Otto reload its configuration file'
complete -c ottoctl -n __fish_use_subcommand -a check -d 'Check a configuration file'
complete -c ottoctl -n __fish_use_subcommand -a config -d 'Print the active configuration'
complete -c ottoctl -n __fish_use_subcommand -a set -d 'Change configuration keys at run time'
complete -c ottoctl -n __fish_use_subcommand -a diff -d 'Show the changes made at run time'
complete -c ottoctl -n __fish_use_subcommand -a reset -d 'Discard the changes made at run time'
complete -c ottoctl -n __fish_use_subcommand -a apply -d 'Write the changes made at run time to the file'
complete -c ottoctl -n __fish_use_subcommand -a token -d 'Print the token for changes over TCP'
complete -c ottoctl -n "__fish_seen_subcommand_from $on_server" -a '(__ottoctl_servers)'
complete -c ottoctl -n "__fish_seen_subcommand_from $drained weight reset" -l force -d 'Even if no active or healthy server is left'
complete -c ottoctl -n "__fish_seen_subcommand_from $drained" -l wait -d 'Wait until the last request on it has ended'
complete -c ottoctl -n "__fish_seen_subcommand_from $healthy" -l wait -d 'Wait until it is healthy'
complete -c ottoctl -n "__fish_seen_subcommand_from $drained $healthy" -l timeout -x -d 'How long to wait'
complete -c ottoctl -n '__fish_seen_subcommand_from top events' -l once -d 'Print them once'
complete -c ottoctl -n '__fish_seen_subcommand_from top' -l sort -xa 'order name state requests errors retries active p50 p99' -d 'Sort key'
complete -c ottoctl -n '__fish_seen_subcommand_from events' -l lines -x -d 'Number of past events to start with'
complete -c ottoctl -n '__fish_seen_subcommand_from add' -l name -x -d 'Display name'
complete -c ottoctl -n '__fish_seen_subcommand_from add' -l weight -x -d 'Share of the requests'
complete -c ottoctl -n '__fish_seen_subcommand_from add' -l max-connections -x -d 'Maximum concurrent requests'
complete -c ottoctl -n '__fish_seen_subcommand_from add' -l backup -d 'Use only if no other server is available'
complete -c ottoctl -n '__fish_seen_subcommand_from apply' -l port -xa 'file socket' -d 'Which one to use if port and socket differ'
complete -c ottoctl -n '__fish_seen_subcommand_from check apply' -F
