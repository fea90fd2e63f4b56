#include "http/date.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

namespace otto::http {

void append_imf_fixdate(std::string& out, long long time) {
    using namespace std::chrono;
    constexpr long long last = 253402300799;  // 9999-12-31T23:59:59Z
    constexpr std::string_view weekdays = "SunMonTueWedThuFriSat";
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const sys_seconds at{seconds(std::clamp(time, 0LL, last))};
    const auto day = floor<days>(at);
    const year_month_day date(day);
    const hh_mm_ss clock(at - day);
    const auto two = [](unsigned number) {
        return std::array<char, 2>{static_cast<char>('0' + number / 10),
                                   static_cast<char>('0' + number % 10)};
    };
    const auto put = [&out, two](unsigned number) { out.append(two(number).data(), 2); };
    out.append(weekdays.substr(weekday(day).c_encoding() * 3, 3)).append(", ");
    put(static_cast<unsigned>(date.day()));
    out.append(" ").append(months.substr((static_cast<unsigned>(date.month()) - 1) * 3, 3));
    out.append(" ");
    const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
    put(year / 100);
    put(year % 100);
    out.append(" ");
    put(static_cast<unsigned>(clock.hours().count()));
    out.append(":");
    put(static_cast<unsigned>(clock.minutes().count()));
    out.append(":");
    put(static_cast<unsigned>(clock.seconds().count()));
    out.append(" GMT");
}

}  // namespace otto::http
