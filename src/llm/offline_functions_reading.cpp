// Functions that find things in what people wrote.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <unordered_set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "llm/offline_functions.hpp"

namespace llm::offline {
namespace {

using Ids = std::vector<std::size_t>;

void add_signals(const Run& run, const json::value& value, Ids& ids) {
  if (const auto* list = value.if_array()) {
    for (const auto& element : *list) add_signals(run, element, ids);
    return;
  }
  if (const auto* number = member_of(value, "#signal")) return ids.push_back(number->to_number<std::size_t>());
  const auto* name = value.if_string();
  const auto found = name == nullptr ? std::nullopt : run.signals.find(*name);
  if (!found) {
    throw base::Error(base::Code::llm_error,
                      "in offline.yaml a function was given something else than a signal or a row that has 'words'");
  }
  ids.push_back(*found);
}

Ids signals_of(const Run& run, const json::value& value) {
  Ids ids;
  add_signals(run, value, ids);
  return ids;
}

double strength_of(Run& run, const json::value& part, const Ids& ids) {
  double total = 0;
  const auto count = [&](std::string_view text) {
    for (const auto& hits : run.readings.of(text).hits) {
      for (const auto& hit : hits) {
        if (std::find(ids.begin(), ids.end(), hit.signal) != ids.end()) total += hit.weight;
      }
    }
  };
  if (const auto* text = part.if_string()) {
    count(*text);
  } else if (const auto* list = part.if_array()) {
    for (const auto& element : *list) total += strength_of(run, element, ids);
  } else if (part.is_object()) {
    count(text_of(part));
  }
  return total;
}

// A text's sentences, a list's elements.
json::array parts_of(Run& run, const json::value& value) {
  if (const auto* list = value.if_array()) return *list;
  json::array parts;
  if (const auto* text = value.if_string()) {
    for (const auto& sentence : run.readings.of(*text).sentences) parts.emplace_back(sentence.text);
  } else if (value.is_object()) {
    parts.push_back(value);
  }
  return parts;
}

json::value sentences(Run& run, Arguments arguments) {
  json::array all;
  const auto& value = *arguments[0];
  if (const auto* list = value.if_array()) {
    for (const auto& element : *list) {
      for (auto& part : parts_of(run, json::value(text_of(element)))) all.push_back(std::move(part));
    }
    return all;
  }
  return parts_of(run, value.is_object() ? json::value(text_of(value)) : value);
}

json::value clauses(Run& run, Arguments arguments) {
  json::array all;
  const auto list = sentences(run, arguments);
  for (const auto& sentence : list.get_array()) {
    for (const auto clause : split_clauses(sentence.get_string())) all.emplace_back(clause);
  }
  return all;
}

struct Ranked {
  double strength;
  std::size_t place;
};

// The strongest first, equal ones as they came.
void sort_ranked(std::vector<Ranked>& ranked) {
  std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    return a.strength != b.strength ? a.strength > b.strength : a.place < b.place;
  });
}

std::vector<Ranked> rank(Run& run, const json::array& parts, const Ids& ids) {
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (const auto strength = strength_of(run, parts[i], ids); strength > 0) ranked.push_back({strength, i});
  }
  sort_ranked(ranked);
  return ranked;
}

json::value pick(Run& run, Arguments arguments) {
  const auto parts = parts_of(run, *arguments[0]);
  const auto most = count_argument(arguments, 2, 5);
  json::array picked;
  for (const auto& [strength, place] : rank(run, parts, signals_of(run, *arguments[1]))) {
    if (picked.size() == most) break;
    if (std::find(picked.begin(), picked.end(), parts[place]) == picked.end()) picked.push_back(parts[place]);
  }
  return picked;
}

json::value first(Run& run, Arguments arguments) {
  const auto ids = signals_of(run, *arguments[1]);
  for (auto& part : parts_of(run, *arguments[0])) {
    if (strength_of(run, part, ids) > 0) return std::move(part);
  }
  return nullptr;
}

std::string name_of_signal(const json::value& signal) {
  const auto* name = member_of(signal, "name");
  return name == nullptr ? text_of(signal) : text_of(*name);
}

json::value divide(Run& run, Arguments arguments) {
  const auto parts = parts_of(run, *arguments[0]);
  json::array signals;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (const auto* list = arguments[i]->if_array()) {
      signals.insert(signals.end(), list->begin(), list->end());
    } else {
      signals.push_back(*arguments[i]);
    }
  }
  json::object groups;
  for (const auto& signal : signals) groups[name_of_signal(signal)] = json::array();
  for (const auto& part : parts) {
    const json::value* best = nullptr;
    double most = 0;
    for (const auto& signal : signals) {
      const auto strength = strength_of(run, part, signals_of(run, signal));
      if (strength > most) most = strength, best = &signal;
    }
    if (best == nullptr) continue;
    auto& group = groups[name_of_signal(*best)].get_array();
    if (std::find(group.begin(), group.end(), part) == group.end()) group.push_back(part);
  }
  return groups;
}

json::value has(Run& run, Arguments arguments) {
  return strength_of(run, *arguments[0], signals_of(run, *arguments[1])) > 0;
}

json::value strength(Run& run, Arguments arguments) {
  return number_value(strength_of(run, *arguments[0], signals_of(run, *arguments[1])));
}

// How many parts show it.
json::value count(Run& run, Arguments arguments) {
  return rank(run, parts_of(run, *arguments[0]), signals_of(run, *arguments[1])).size();
}

json::value share(Run& run, Arguments arguments) {
  const auto parts = parts_of(run, *arguments[0]);
  if (parts.empty()) return 0;
  const auto found = rank(run, parts, signals_of(run, *arguments[1])).size();
  return number_value(static_cast<double>(found) / static_cast<double>(parts.size()));
}

// The rows (or signals) by how strongly the text shows them; `absent`: those it does not show, in their order.
json::array rank_rows(Run& run, Arguments arguments, bool absent) {
  json::array rows;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const auto* list = arguments[i]->if_array();
    if (list == nullptr) rows.push_back(*arguments[i]);
    if (list != nullptr) rows.insert(rows.end(), list->begin(), list->end());
  }
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto strength = strength_of(run, *arguments[0], signals_of(run, rows[i]));
    if ((strength > 0) != absent) ranked.push_back({strength, i});
  }
  sort_ranked(ranked);
  json::array out;
  for (const auto& entry : ranked) out.push_back(rows[entry.place]);
  return out;
}

json::value ranked(Run& run, Arguments arguments) { return rank_rows(run, arguments, false); }
json::value absent(Run& run, Arguments arguments) { return rank_rows(run, arguments, true); }
json::value strongest(Run& run, Arguments arguments) {
  auto rows = rank_rows(run, arguments, false);
  return rows.empty() ? json::value() : std::move(rows.front());
}

std::string_view span_of(const Sentence& sentence, const SignalHit& hit) {
  const char* begin = sentence.words[hit.first].text.data();
  const auto& end = sentence.words[hit.last].text;
  return {begin, static_cast<std::size_t>(end.data() + end.size() - begin)};
}

json::value words_of(Run& run, Arguments arguments) {
  const auto ids = signals_of(run, *arguments[1]);
  const auto most = count_argument(arguments, 2, 5);
  json::array found;
  const auto& reading = run.readings.of(text_of(*arguments[0]));
  for (std::size_t i = 0; i < reading.sentences.size(); ++i) {
    for (const auto& hit : reading.hits[i]) {
      if (found.size() >= most || std::find(ids.begin(), ids.end(), hit.signal) == ids.end()) continue;
      const json::value words(span_of(reading.sentences[i], hit));
      if (std::find(found.begin(), found.end(), words) == found.end()) found.push_back(words);
    }
  }
  return found;
}

// What stands behind (or before) the first match, up to the sentence's end; null when nothing does.
json::value beside(Run& run, Arguments arguments, bool behind) {
  const auto ids = signals_of(run, *arguments[1]);
  const auto& reading = run.readings.of(text_of(*arguments[0]));
  for (std::size_t i = 0; i < reading.sentences.size(); ++i) {
    const auto& sentence = reading.sentences[i];
    for (const auto& hit : reading.hits[i]) {
      if (std::find(ids.begin(), ids.end(), hit.signal) == ids.end()) continue;
      const auto span = span_of(sentence, hit);
      const auto begin = static_cast<std::size_t>(span.data() - sentence.text.data());
      auto part = behind ? sentence.text.substr(begin + span.size()) : sentence.text.substr(0, begin);
      constexpr std::string_view kMarks = " ,:;-.!?";
      while (!part.empty() && kMarks.find(part.front()) != std::string_view::npos) part.remove_prefix(1);
      while (!part.empty() && kMarks.find(part.back()) != std::string_view::npos) part.remove_suffix(1);
      if (!part.empty()) return json::value(part);
    }
  }
  return nullptr;
}

json::value after(Run& run, Arguments arguments) { return beside(run, arguments, true); }
json::value before(Run& run, Arguments arguments) { return beside(run, arguments, false); }

// Words two texts share -----------------------------------------------------------------------------------------------

std::size_t shared_count(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::size_t count = 0;
  for (const auto& stem : b) count += std::binary_search(a.begin(), a.end(), stem) ? 1 : 0;
  return count;
}

json::value overlap(Run& run, Arguments arguments) {
  const auto& a = run.readings.stems(text_of(*arguments[0]));
  const auto& b = run.readings.stems(text_of(*arguments[1]));
  return b.empty() ? json::value(0)
                   : number_value(static_cast<double>(shared_count(a, b)) / static_cast<double>(b.size()));
}

json::value compare_words(Run& run, Arguments arguments, bool wanted) {
  const auto stems = run.readings.stems(text_of(*arguments[0]));
  json::array found;
  std::unordered_set<std::string> seen;
  for (const auto& sentence : run.readings.of(text_of(*arguments[1])).sentences) {
    for (const auto& word : sentence.words) {
      if (!is_weighty(word.lower)) continue;
      const auto stem = stem_of(word.lower);
      if (std::binary_search(stems.begin(), stems.end(), stem) == wanted && seen.insert(stem).second) {
        found.emplace_back(word.lower);
      }
    }
  }
  return found;
}

json::value shared(Run& run, Arguments arguments) { return compare_words(run, arguments, true); }
json::value lacking(Run& run, Arguments arguments) { return compare_words(run, arguments, false); }

// The values' lexicon knows that "gave the bread away" is generosity.
double nearness(Run& run, const std::string& part, const std::string& matter) {
  const auto& stems = run.readings.stems(part);
  double near = static_cast<double>(shared_count(stems, run.readings.stems(matter)));
  const auto& named = run.readings.values(matter);
  if (named.empty() || run.readings.of(matter).sentences.front().words.size() > 12) return near;
  const auto& shown = run.readings.values(part);
  for (const auto name : named) near += std::find(shown.begin(), shown.end(), name) != shown.end() ? 1 : 0;
  return near;
}

json::value about(Run& run, Arguments arguments) {
  const auto parts = parts_of(run, *arguments[0]);
  const auto matter = text_of(*arguments[1]);
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (const auto near = nearness(run, text_of(parts[i]), matter); near > 0) ranked.push_back({near, i});
  }
  sort_ranked(ranked);
  json::array found;
  for (const auto& entry : ranked) {
    if (found.size() < count_argument(arguments, 2, 3)) found.push_back(parts[entry.place]);
  }
  return found;
}

json::value shows(Run& run, Arguments arguments) {
  return nearness(run, text_of(*arguments[0]), text_of(*arguments[1])) > 0;
}

// Pairs of a list that say nearly the same: [{first, second, words}].
json::value alike(Run& run, Arguments arguments) {
  const auto* list = arguments[0]->if_array();
  const auto* given = argument(arguments, 1);
  const double least = given == nullptr ? 0.6 : number_of(*given);
  json::array pairs;
  const auto size = list == nullptr ? 0 : std::min<std::size_t>(list->size(), 60);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t k = i + 1; k < size; ++k) {
      const auto a = text_of((*list)[i]), b = text_of((*list)[k]);
      const auto& stems_a = run.readings.stems(a);
      const auto& stems_b = run.readings.stems(b);
      const auto fewer = std::min(stems_a.size(), stems_b.size());
      if (fewer == 0 || static_cast<double>(shared_count(stems_a, stems_b)) < least * static_cast<double>(fewer))
        continue;
      pairs.push_back({{"first", (*list)[i]}, {"second", (*list)[k]}});
    }
  }
  return pairs;
}

// Facts in texts ------------------------------------------------------------------------------------------------------

json::value list_of(const std::vector<std::string>& texts) {
  json::array list;
  for (const auto& text : texts) list.emplace_back(text);
  return list;
}

json::value numbers(Run& run, Arguments arguments) {
  return list_of(numbers_in(run.readings.of(text_of(*arguments[0]))));
}
json::value dates(Run& run, Arguments arguments) { return list_of(dates_in(run.readings.of(text_of(*arguments[0])))); }
json::value people(Run& run, Arguments arguments) {
  return list_of(people_in(run.readings.of(text_of(*arguments[0]))));
}
json::value keywords(Run& run, Arguments arguments) {
  return list_of(keywords_in(run.readings.of(text_of(*arguments[0])), count_argument(arguments, 1, 5)));
}
json::value word_count(Run& run, Arguments arguments) {
  std::size_t total = 0;
  for (const auto& sentence : run.readings.of(text_of(*arguments[0])).sentences) total += sentence.words.size();
  return total;
}

json::value linked(Run& run, Arguments arguments, std::string (*part)(std::string_view)) {
  for (const auto& sentence : run.readings.of(text_of(*arguments[0])).sentences) {
    if (const auto found = part(sentence.text); !found.empty()) return json::value(found);
  }
  return nullptr;
}
json::value cause(Run& run, Arguments arguments) { return linked(run, arguments, cause_in); }
json::value effect(Run& run, Arguments arguments) { return linked(run, arguments, effect_in); }

}  // namespace

std::span<const Function> reading_functions() {
  static constexpr std::array<Function, 28> kFunctions{{
      {"sentences", 1, 1, sentences}, {"clauses", 1, 1, clauses},       {"pick", 2, 3, pick},
      {"first", 2, 2, first},         {"divide", 2, 20, divide},        {"has", 2, 2, has},
      {"strength", 2, 2, strength},   {"count", 2, 2, count},           {"share", 2, 2, share},
      {"ranked", 2, 20, ranked},      {"absent", 2, 20, absent},        {"strongest", 2, 20, strongest},
      {"words_of", 2, 3, words_of},   {"after", 2, 2, after},           {"before", 2, 2, before},
      {"overlap", 2, 2, overlap},     {"shared", 2, 2, shared},         {"lacking", 2, 2, lacking},
      {"about", 2, 3, about},         {"shows", 2, 2, shows},           {"alike", 1, 2, alike},
      {"numbers", 1, 1, numbers},     {"dates", 1, 1, dates},           {"people", 1, 1, people},
      {"keywords", 1, 2, keywords},   {"word_count", 1, 1, word_count}, {"cause", 1, 1, cause},
      {"effect", 1, 1, effect},
  }};
  return kFunctions;
}

}  // namespace llm::offline
