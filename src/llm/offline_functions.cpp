// Functions that word texts, work with lists and reckon with numbers and dates; and the list of all.
#include "llm/offline_functions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <cmath>
#include <unordered_map>

#include "base/text.hpp"

namespace llm::offline {

const json::value* argument(Arguments arguments, std::size_t index) {
  return index < arguments.size() ? arguments[index] : nullptr;
}

std::size_t count_argument(Arguments arguments, std::size_t index, std::size_t otherwise) {
  const auto* given = argument(arguments, index);
  const auto number = given == nullptr ? std::nan("") : number_of(*given);
  return number >= 0 && number < 1e6 ? static_cast<std::size_t>(number) : otherwise;
}

namespace {

// Wording -------------------------------------------------------------------------------------------------------------

// Of a text the text; of a list each of its elements.
template <class Change>
json::value each_text(const json::value& value, Change change) {
  const auto* list = value.if_array();
  if (list == nullptr) {
    const auto text = text_of(value);
    return text.empty() ? json::value() : json::value(change(text));
  }
  json::array changed;
  for (const auto& element : *list) {
    if (const auto text = text_of(element); !text.empty()) changed.emplace_back(change(text));
  }
  return changed;
}

// Own words stay recognisable as such, and an answer stays readable.
constexpr std::size_t kQuotedWords = 40;

json::value quote(Run&, Arguments arguments) {
  return each_text(*arguments[0], [](const std::string& text) { return quoted(shorten(core_of(text), kQuotedWords)); });
}
json::value you(Run&, Arguments arguments) {
  return each_text(*arguments[0], [](const std::string& text) { return capitalised(to_second_person(core_of(text))); });
}
json::value core(Run&, Arguments arguments) {
  return each_text(*arguments[0], [](const std::string& text) { return std::string(core_of(text)); });
}
json::value cap(Run&, Arguments arguments) {
  return each_text(*arguments[0], [](const std::string& text) { return capitalised(text); });
}
json::value lower(Run&, Arguments arguments) {
  return each_text(*arguments[0], [](std::string text) {
    // "I" and "SWOT" stay.
    const bool one = text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z';
    if (one) text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
  });
}
json::value short_text(Run&, Arguments arguments) {
  const auto most = count_argument(arguments, 1, 12);
  return each_text(*arguments[0], [&](const std::string& text) { return shorten(core_of(text), most); });
}
json::value text(Run&, Arguments arguments) { return json::value(text_of(*arguments[0])); }
json::value lines(Run&, Arguments arguments) {
  const auto* list = arguments[0]->if_array();
  if (list == nullptr) return json::value(text_of(*arguments[0]));
  std::string out;
  for (const auto& element : *list) out += (out.empty() ? "" : "\n") + text_of(element);
  return json::value(out);
}
json::value plural(Run&, Arguments arguments) {
  const auto number = number_of(*arguments[0]);
  const auto counted = text_of(number_value(number));
  return json::value(fmt::format("{} {}", counted.empty() ? "0" : counted, text_of(*arguments[number == 1 ? 1 : 2])));
}
json::value replace(Run&, Arguments arguments) {
  const auto from = text_of(*arguments[1]), to = text_of(*arguments[2]);
  return each_text(*arguments[0], [&](std::string text) {
    for (auto at = from.empty() ? std::string::npos : text.find(from); at != std::string::npos;
         at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
    return text;
  });
}

// Lists ---------------------------------------------------------------------------------------------------------------

json::array list_in(const json::value& value) {
  if (const auto* list = value.if_array()) return *list;
  if (!is_something(value) && !value.is_number()) return {};
  json::array one;
  one.push_back(value);
  return one;
}
bool holds(const json::array& list, const json::value& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

json::value list(Run&, Arguments arguments) { return list_in(*arguments[0]); }
json::value size(Run&, Arguments arguments) { return list_in(*arguments[0]).size(); }
json::value take(Run&, Arguments arguments) {
  auto all = list_in(*arguments[0]);
  all.resize(std::min(all.size(), count_argument(arguments, 1, 1)));
  return all;
}
json::value skip(Run&, Arguments arguments) {
  const auto all = list_in(*arguments[0]);
  json::array rest;
  for (auto i = count_argument(arguments, 1, 1); i < all.size(); ++i) rest.push_back(all[i]);
  return rest;
}
// From 1; from the end with a negative number.
json::value at(Run&, Arguments arguments) {
  const auto all = list_in(*arguments[0]);
  const auto wanted = number_of(*arguments[1]);
  const auto index = wanted < 0 ? static_cast<double>(all.size()) + wanted : wanted - 1;
  return index >= 0 && index < static_cast<double>(all.size()) ? all[static_cast<std::size_t>(index)] : json::value();
}
json::value unique(Run&, Arguments arguments) {
  json::array once;
  for (const auto& element : list_in(*arguments[0])) {
    if (!holds(once, element)) once.push_back(element);
  }
  return once;
}
json::value without(Run&, Arguments arguments) {
  const auto unwanted = list_in(*arguments[1]);
  json::array rest;
  for (const auto& element : list_in(*arguments[0])) {
    if (!holds(unwanted, element)) rest.push_back(element);
  }
  return rest;
}
json::value where(Run&, Arguments arguments) {
  json::array found;
  const auto name = text_of(*arguments[1]);
  const auto wanted = base::to_lower(text_of(*arguments[2]));
  for (const auto& element : list_in(*arguments[0])) {
    const auto* member = member_of(element, name);
    if (member != nullptr && base::to_lower(text_of(*member)) == wanted) found.push_back(element);
  }
  return found;
}
json::value reverse(Run&, Arguments arguments) {
  auto all = list_in(*arguments[0]);
  std::reverse(all.begin(), all.end());
  return all;
}

// Numbers -------------------------------------------------------------------------------------------------------------

std::vector<double> numbers_of(Arguments arguments) {
  std::vector<double> numbers;
  for (const auto* value : arguments) {
    const auto* all = value->if_array();
    const auto add = [&](const json::value& one) {
      if (const auto number = number_of(one); std::isfinite(number)) numbers.push_back(number);
    };
    if (all == nullptr) add(*value);
    if (all != nullptr) std::for_each(all->begin(), all->end(), add);
  }
  return numbers;
}
double sum_of(const std::vector<double>& numbers) {
  double total = 0;
  for (const auto number : numbers) total += number;
  return total;
}

json::value number(Run&, Arguments arguments) { return number_value(number_of(*arguments[0])); }
json::value round_number(Run&, Arguments arguments) {
  const auto factor = std::pow(10.0, static_cast<double>(count_argument(arguments, 1, 0)));
  return number_value(std::round(number_of(*arguments[0]) * factor) / factor);
}
json::value sum(Run&, Arguments arguments) { return number_value(sum_of(numbers_of(arguments))); }
json::value mean(Run&, Arguments arguments) {
  const auto all = numbers_of(arguments);
  return all.empty() ? json::value() : number_value(sum_of(all) / static_cast<double>(all.size()));
}
json::value least(Run&, Arguments arguments) {
  const auto all = numbers_of(arguments);
  return all.empty() ? json::value() : number_value(*std::min_element(all.begin(), all.end()));
}
json::value greatest(Run&, Arguments arguments) {
  const auto all = numbers_of(arguments);
  return all.empty() ? json::value() : number_value(*std::max_element(all.begin(), all.end()));
}
json::value clamp(Run&, Arguments arguments) {
  return number_value(std::min(std::max(number_of(*arguments[0]), number_of(*arguments[1])), number_of(*arguments[2])));
}
// A whole number from 0 to 100.
json::value score(Run&, Arguments arguments) {
  const auto value = number_of(*arguments[0]);
  return std::isfinite(value) ? number_value(std::round(std::min(std::max(value, 0.0), 100.0))) : json::value(0);
}
// How much there is of something, where each further one counts less: 0 for none, half of `full` for `enough`.
json::value saturate(Run&, Arguments arguments) {
  const auto value = number_of(*arguments[0]), half = number_of(*arguments[1]);
  return number_value(value > 0 && half > 0 ? 100 * value / (value + half) : 0);
}
// level(x, "weak", 40, "fair", 70, "strong"): weak below 40, fair below 70, else strong.
json::value level(Run&, Arguments arguments) {
  const auto value = number_of(*arguments[0]);
  for (std::size_t i = 1; i + 1 < arguments.size(); i += 2) {
    if (!(value >= number_of(*arguments[i + 1]))) return *arguments[i];
  }
  return *arguments[arguments.size() - 1];
}

// Dates ---------------------------------------------------------------------------------------------------------------

using Day = std::chrono::sys_days;

// The first "2026-12-01" in it.
std::optional<Day> day_in(const json::value& value) {
  const auto text = text_of(value);
  for (std::size_t at = 0; at + 10 <= text.size(); ++at) {
    int year = 0;
    unsigned month = 0, day = 0;
    const char* from = text.data() + at;
    const auto part = [&](std::size_t begin, std::size_t length, auto& out) {
      const auto [end, error] = std::from_chars(from + begin, from + begin + length, out);
      return error == std::errc() && end == from + begin + length;
    };
    if (from[4] != '-' || from[7] != '-' || !part(0, 4, year) || !part(5, 2, month) || !part(8, 2, day)) continue;
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
    if (date.ok() && year > 1900) return Day(date);
  }
  return std::nullopt;
}
json::value written(Day day) {
  const std::chrono::year_month_day date(day);
  return json::value(fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day())));
}
bool is_weekend(Day day) {
  const std::chrono::weekday weekday(day);
  return weekday == std::chrono::Saturday || weekday == std::chrono::Sunday;
}
int days_argument(const json::value& value) {
  const auto number = number_of(value);
  return std::isfinite(number) ? static_cast<int>(std::round(std::min(std::max(number, -3660.0), 3660.0))) : 0;
}

json::value date(Run&, Arguments arguments) {
  const auto day = day_in(*arguments[0]);
  return day ? written(*day) : json::value();
}
json::value add_days(Run&, Arguments arguments) {
  const auto day = day_in(*arguments[0]);
  return day ? written(*day + std::chrono::days(days_argument(*arguments[1]))) : json::value();
}
// So many working days later; 0 gives the same day, or the next working day when that is a weekend.
json::value add_workdays(Run&, Arguments arguments) {
  auto day = day_in(*arguments[0]);
  if (!day) return nullptr;
  const auto skip_weekend = [&](int step) {
    while (is_weekend(*day)) *day += std::chrono::days(step);
  };
  auto left = days_argument(*arguments[1]);
  skip_weekend(left < 0 ? -1 : 1);
  for (const int step = left < 0 ? -1 : 1; left != 0; left -= step) {
    *day += std::chrono::days(step);
    skip_weekend(step);
  }
  return written(*day);
}
json::value days_between(Run&, Arguments arguments) {
  const auto from = day_in(*arguments[0]), to = day_in(*arguments[1]);
  return from && to ? number_value(static_cast<double>((*to - *from).count())) : json::value();
}

// All of the above.
constexpr std::array<Function, 33> kFunctions{{
    {"quote", 1, 1, quote},
    {"you", 1, 1, you},
    {"core", 1, 1, core},
    {"cap", 1, 1, cap},
    {"lower", 1, 1, lower},
    {"short", 1, 2, short_text},
    {"text", 1, 1, text},
    {"lines", 1, 1, lines},
    {"plural", 3, 3, plural},
    {"replace", 3, 3, replace},
    {"list", 1, 1, list},
    {"size", 1, 1, size},
    {"take", 2, 2, take},
    {"skip", 2, 2, skip},
    {"at", 2, 2, at},
    {"unique", 1, 1, unique},
    {"without", 2, 2, without},
    {"where", 3, 3, where},
    {"reverse", 1, 1, reverse},
    {"number", 1, 1, number},
    {"round", 1, 2, round_number},
    {"sum", 1, kAnyNumber, sum},
    {"mean", 1, kAnyNumber, mean},
    {"min", 1, kAnyNumber, least},
    {"max", 1, kAnyNumber, greatest},
    {"clamp", 3, 3, clamp},
    {"score", 1, 1, score},
    {"saturate", 2, 2, saturate},
    {"level", 4, 20, level},
    {"date", 1, 1, date},
    {"add_days", 2, 2, add_days},
    {"add_workdays", 2, 2, add_workdays},
    {"days_between", 2, 2, days_between},
}};

// Every function there is.
void each_function(const auto& visit) {
  std::ranges::for_each(reading_functions(), visit);
  std::ranges::for_each(kFunctions, visit);
}

}  // namespace

const Function* find_function(std::string_view name) {
  static const auto kByName = [] {
    std::unordered_map<std::string_view, const Function*> by_name;
    each_function([&](const Function& function) { by_name.emplace(function.name, &function); });
    return by_name;
  }();
  const auto found = kByName.find(name);
  return found == kByName.end() ? nullptr : found->second;
}

std::vector<std::string_view> function_names() {
  std::vector<std::string_view> names{"if"};
  each_function([&](const Function& function) { names.push_back(function.name); });
  return names;
}

}  // namespace llm::offline
