# fish completion of ottoctl(1)

function __ottoctl_servers
    ottoctl servers --json 2>/dev/null | string replace -rf '.*"(?:name|url)": "(.*)",$' '$1'
end

set -l on_server remove drain enable disable weight show check-server
set -l drained remove drain disable
set -l healthy add enable

complete -c ottoctl -f
complete -c ottoctl -l json -d 'Print JSON'
complete -c ottoctl -l socket -rF -d 'Where the admin API is'
complete -c ottoctl -l help -d 'Print a summary'
complete -c ottoctl -n __fish_use_subcommand -l version -d 'Print the version'
complete -c ottoctl -n __fish_use_subcommand -a status -d 'Show how Otto is'
complete -c ottoctl -n __fish_use_subcommand -a servers -d 'List the servers'
complete -c ottoctl -n __fish_use_subcommand -a show -d 'Show all about servers'
complete -c ottoctl -n __fish_use_subcommand -a check-server -d 'Have Otto check servers now'
complete -c ottoctl -n __fish_use_subcommand -a top -d 'Watch the servers at work'
complete -c ottoctl -n __fish_use_subcommand -a events -d 'Follow what happens'
complete -c ottoctl -n __fish_use_subcommand -a add -d 'Add servers'
complete -c ottoctl -n __fish_use_subcommand -a remove -d 'Remove servers'
complete -c ottoctl -n __fish_use_subcommand -a drain -d 'Give servers no new requests'
complete -c ottoctl -n __fish_use_subcommand -a enable -d 'Give servers requests again'
complete -c ottoctl -n __fish_use_subcommand -a disable -d 'Give servers no new requests and no checks'
complete -c ottoctl -n __fish_use_subcommand -a weight -d 'Change the share of servers'
complete -c ottoctl -n __fish_use_subcommand -a reload -d 'Have Otto read its file anew'
complete -c ottoctl -n __fish_use_subcommand -a check -d 'Check a configuration file'
complete -c ottoctl -n __fish_use_subcommand -a config -d 'Print the active configuration'
complete -c ottoctl -n __fish_use_subcommand -a set -d 'Change keys of the configuration at run time'
complete -c ottoctl -n __fish_use_subcommand -a diff -d 'Show the changes made at run time'
complete -c ottoctl -n __fish_use_subcommand -a reset -d 'Drop the changes made at run time'
complete -c ottoctl -n __fish_use_subcommand -a apply -d 'Write the changes made at run time into the file'
complete -c ottoctl -n __fish_use_subcommand -a token -d 'Print the token for changes over TCP'
complete -c ottoctl -n "__fish_seen_subcommand_from $on_server" -a '(__ottoctl_servers)'
complete -c ottoctl -n "__fish_seen_subcommand_from $drained weight reset" -l force -d 'Even if no active server is left'
complete -c ottoctl -n "__fish_seen_subcommand_from $drained" -l wait -d 'Until the last request on it has ended'
complete -c ottoctl -n "__fish_seen_subcommand_from $healthy" -l wait -d 'Until it is healthy'
complete -c ottoctl -n "__fish_seen_subcommand_from $drained $healthy" -l timeout -x -d 'How long to wait'
complete -c ottoctl -n '__fish_seen_subcommand_from top events' -l once -d 'Print them once'
complete -c ottoctl -n '__fish_seen_subcommand_from top' -l sort -xa 'order name state requests errors retries active p50 p99' -d 'What comes first'
complete -c ottoctl -n '__fish_seen_subcommand_from events' -l lines -x -d 'How many of the latest to begin with'
complete -c ottoctl -n '__fish_seen_subcommand_from add' -l name -x -d 'What people see'
complete -c ottoctl -n '__fish_seen_subcommand_from add' -l weight -x -d 'Its share of requests'
complete -c ottoctl -n '__fish_seen_subcommand_from add' -l max-connections -x -d 'Requests at once'
complete -c ottoctl -n '__fish_seen_subcommand_from add' -l backup -d 'Only when no other is left'
complete -c ottoctl -n '__fish_seen_subcommand_from apply' -l port -xa 'file socket' -d 'What counts where port and socket differ'
complete -c ottoctl -n '__fish_seen_subcommand_from check apply' -F
