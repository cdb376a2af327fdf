#include "base/clock.hpp"

#include <array>

#include "base/error.hpp"

namespace base {

Time SystemClock::now() const { return std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now()); }

void append_time(std::string& out, Time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto ms = static_cast<unsigned>((time - day).count());
  std::array<char, 24> text{};
  std::size_t at = 0;
  const auto digits = [&](unsigned value, unsigned scale, char after) {
    for (; scale > 0; scale /= 10) text[at++] = static_cast<char>('0' + value / scale % 10);
    text[at++] = after;
  };
  digits(static_cast<unsigned>(static_cast<int>(date.year())), 1000, '-');
  digits(static_cast<unsigned>(date.month()), 10, '-');
  digits(static_cast<unsigned>(date.day()), 10, 'T');
  digits(ms / 3'600'000, 10, ':');
  digits(ms / 60'000 % 60, 10, ':');
  digits(ms / 1000 % 60, 10, '.');
  digits(ms % 1000, 100, 'Z');
  out.append(text.data(), text.size());
}

std::string format_time(Time time) {
  std::string text;
  append_time(text, time);
  return text;
}

Time parse_time(std::string_view text) {
  const auto fail = [] { return Error(Code::validation_error, "a time must look like 2026-11-22T13:14:15.123Z"); };
  std::size_t at = 0;
  const auto number = [&](int digits) {
    int value = 0;
    for (int i = 0; i < digits; ++i, ++at) {
      if (at >= text.size() || text[at] < '0' || text[at] > '9') throw fail();
      value = value * 10 + (text[at] - '0');
    }
    return value;
  };
  const auto literal = [&](char wanted) {
    if (at >= text.size() || text[at] != wanted) throw fail();
    ++at;
  };
  const int year = number(4);
  literal('-');
  const int month = number(2);
  literal('-');
  const int day = number(2);
  literal('T');
  const int hours = number(2);
  literal(':');
  const int minutes = number(2);
  literal(':');
  const int seconds = number(2);
  int milliseconds = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    for (int scale = 100; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      milliseconds += (text[at] - '0') * scale;
    }
  }
  int offset_minutes = 0;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
    const int sign = text[at++] == '+' ? 1 : -1;
    const int hours_off = number(2);
    literal(':');
    offset_minutes = sign * (hours_off * 60 + number(2));
  } else {
    literal('Z');
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (at != text.size() || !date.ok() || hours > 23 || minutes > 59 || seconds > 60) throw fail();
  return Time(std::chrono::sys_days(date)) + std::chrono::hours(hours) +
         std::chrono::minutes(minutes - offset_minutes) + std::chrono::seconds(seconds) + Milliseconds(milliseconds);
}

}  // namespace base
