#pragma once

#include <array>
#include <string_view>

namespace otto {

/// A kind of journal record that is worth finding: its MESSAGE_ID has an entry in
/// units/otto.catalog, which `journalctl -x` shows, and a line in otto(8). tests/lint/check_catalog
/// holds the three together.
struct MessageType {
    std::string_view slug;  // its name in the admin API's events, like the id never changed
    std::string_view id;    // 128 random bits in hexadecimal, never changed once released
};

namespace messages {

/// Otto serves.
inline constexpr MessageType started{"started", "0b567ded6ddc2b3d53c1ae65de2428f6"};
/// Otto stopped, with how the drain went.
inline constexpr MessageType stopped{"stopped", "7399f79cea7b040cf4cdc2ba00c6373b"};
/// A server serves: it passed its checks, or again takes connections.
inline constexpr MessageType server_healthy{"server-healthy", "d667e87af3b4ca84b4aafefc1e49b7c7"};
/// A server is taken out.
inline constexpr MessageType server_unhealthy{"server-unhealthy",
                                              "d4fa5165e9a46e0a13a6ac2812953c6c"};
/// A server that answered with errors is out for a while.
inline constexpr MessageType server_ejected{"server-ejected", "6561f2b616804bd7ba4a705c0c649c41"};
/// It is back.
inline constexpr MessageType server_back{"server-back", "d0860e71ba294965b200e77c13b20206"};
/// So many changes of servers or names of one kind came at once that only the first were logged.
inline constexpr MessageType many_changes{"many-changes", "b0c3e2b7f5d64c0e9a3f1c6d2e8a4b57"};
/// No healthy server is left: requests go to the others in spite of it.
inline constexpr MessageType failing_open{"failing-open", "d71395f12cf647218acb96b5f7eeb988"};
/// Requests go to healthy servers again.
inline constexpr MessageType fail_open_over{"fail-open-over", "2d806cf16e3a428fb01cb6cd6e8c3f41"};
/// No server is left that might answer.
inline constexpr MessageType no_server_left{"no-server-left", "6fe03068946ad2427ed588c6023d96b3"};
/// A reload took effect.
inline constexpr MessageType reload_done{"reload-done", "d555e50f297857a617261e90548ecb31"};
/// A reload was refused; what held before holds on.
inline constexpr MessageType reload_failed{"reload-failed", "31a71e60c501cfc1621982ce57712725"};
/// The file is bad at start; Otto serves the last good one, or 503.
inline constexpr MessageType config_invalid_at_start{"config-invalid-at-start",
                                                     "daaf67248ac0d5e0aac96e2615adfe37"};
/// The sockets that systemd passed are not what `port` asks for.
inline constexpr MessageType port_differs{"port-differs", "3b7fdae9c68d5deec5f5edee98ed6551"};
/// The name of a server has other addresses than before.
inline constexpr MessageType name_moved{"name-moved", "a13c69eca4fd49ad955a30e5777e08f4"};
/// A name cannot be looked up; its last addresses stay in use.
inline constexpr MessageType name_stale{"name-stale", "9dcba150e3234cbd916eadad9a6d8000"};
/// That is over.
inline constexpr MessageType name_fresh{"name-fresh", "93ae5cebbced4b8cb3b5de1aaa1d8832"};
/// Somebody changed the configuration by the admin API.
inline constexpr MessageType changed_at_runtime{"changed-at-runtime",
                                                "7ed58ac90234416fa2140416490a2982"};
/// The changes made at run time do not fit the file, which is served alone.
inline constexpr MessageType changes_unfit{"changes-unfit", "3511fbdabd3f43bdb3cf7e1992238f98"};
/// What was kept of the changes made at run time cannot be read.
inline constexpr MessageType changes_corrupt{"changes-corrupt", "39eec0c5202e4489b485c4c834a83c79"};
/// No more connections are accepted: out of file descriptors, or at the limit.
inline constexpr MessageType accept_paused{"accept-paused", "116586a1f1c2186a6cfc277cdbf92fa9"};
/// Connections are accepted again.
inline constexpr MessageType accept_resumed{"accept-resumed", "e66a272d1fbf63add27a0440f9bf7a69"};
/// Connections that waited for their clients were closed to make room for others.
inline constexpr MessageType connections_evicted{"connections-evicted",
                                                 "baed74fc61221cc155d5ebff402bd24e"};
/// Connections were refused because their clients had limits.connectionsPerClient.
inline constexpr MessageType connections_refused{"connections-refused",
                                                 "a27d6355a239b1cd42adf7ef2ab660da"};
/// A request failed by the fault of a server; in a flood, one record stands for many.
inline constexpr MessageType request_failed{"request-failed", "ec0268bc42414f69afe1eeeb5c3460a7"};
/// A worker does not answer; the watchdog's beat is withheld.
inline constexpr MessageType worker_stuck{"worker-stuck", "55b7e53407df27b595857954855332c5"};
/// Records of the log were lost, since it took no more for a while.
inline constexpr MessageType log_lossy{"log-lossy", "1de5a44d896b4254ab1cc9c3af38cb0b"};
/// A request has ended: a record of the access log.
inline constexpr MessageType request_ended{"request-ended", "1e43d8c1309406b6d4bf86ccff3fb575"};
/// The access log cannot be written.
inline constexpr MessageType access_log_failed{"access-log-failed",
                                               "e775e1e0c79ae3f1987e0dd56a422112"};
/// Records of the access log were lost, since it is written too slowly, or not at all.
inline constexpr MessageType access_log_lossy{"access-log-lossy",
                                              "205366d5aabf4f97d45c71e17658b476"};
/// The access log is written again, or keeps up again.
inline constexpr MessageType access_log_resumed{"access-log-resumed",
                                                "f26cba53b09a93c2bfdf2d48892ad3a6"};

inline constexpr std::array all{
    &started,
    &stopped,
    &server_healthy,
    &server_unhealthy,
    &no_server_left,
    &reload_done,
    &reload_failed,
    &config_invalid_at_start,
    &port_differs,
    &accept_paused,
    &name_moved,
    &name_stale,
    &name_fresh,
    &accept_resumed,
    &worker_stuck,
    &request_failed,
    &changes_unfit,
    &changes_corrupt,
    &changed_at_runtime,
    &server_ejected,
    &server_back,
    &failing_open,
    &fail_open_over,
    &log_lossy,
    &request_ended,
    &access_log_failed,
    &access_log_lossy,
    &access_log_resumed,
    &connections_evicted,
    &connections_refused,
    &many_changes,
};

}  // namespace messages
}  // namespace otto
