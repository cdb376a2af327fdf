#include "coaching/context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/parallel.hpp"
#include "coaching/business.hpp"
#include "llm/offline_analysis_script.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

// Of a section in prompts, as JSON text: more of it would drown what is asked, and a conversation keeps it in memory.
constexpr std::size_t kMostSectionBytes = 16 * 1024;
constexpr std::string_view kOneGoal = "goal";
constexpr std::string_view kGoalId = "goal_id";
constexpr base::Milliseconds kComeBack{5'000};

using Names = std::set<std::string, std::less<>>;

void add_names(const Template& prompt, Names& names) {
  for (const auto& tag : prompt.tags()) names.insert(tag.name.substr(0, tag.name.find('.')));
}

Names names_in(const Topic& topic) {
  Names names;
  for (const auto* prompt :
       {&topic.system, &topic.initiation, &topic.resume, &topic.extraction, &topic.assessment, &topic.summary}) {
    add_names(*prompt, names);
  }
  if (topic.kind != TopicKind::analysis) return names;
  std::vector<llm::offline::ScriptFault> faults;
  for (const auto& read : llm::offline::read_analysis_script(topic.offline, faults).reads) {
    for (const auto& path : read.paths) names.insert(path.substr(0, path.find('.')));
  }
  return names;
}

// Finding them takes longer than reading what they name.
std::shared_ptr<const Names> used_names(const Topic& topic) {
  constexpr std::size_t kMost = 256;
  thread_local std::unordered_map<std::string, std::shared_ptr<const Names>> known;
  if (const auto found = known.find(topic.hash); found != known.end()) return found->second;
  if (known.size() >= kMost) known.clear();
  return known[topic.hash] = std::make_shared<const Names>(names_in(topic));
}

// A section as it is asked for, and as a context calls it.
struct Need {
  std::string name;
  BusinessSection section = BusinessSection::foundation;
  std::string id;
};

std::string_view name_of(const BusinessPath& path) { return path.one_goal ? kOneGoal : base::name_of(path.section); }

// "" for what cannot be an id, or would be another path in a URL.
std::string goal_id_of(const base::json::object& input) {
  constexpr std::size_t kLongestId = 200;
  const auto* id = input.if_contains(kGoalId);
  if (id == nullptr || !id->is_string()) return "";
  const std::string_view text = id->get_string();
  return text.size() > kLongestId || text == "." || text == ".." ? "" : std::string(text);
}

std::optional<Need> need_of(const Parameter& parameter, const ContextRequest& request) {
  if (parameter.source == "user") {
    if (parameter.name == "user_name" && !request.user_name.empty()) return std::nullopt;
    return Need{std::string(base::name_of(BusinessSection::profile)), BusinessSection::profile, ""};
  }
  const auto path = business_path(parameter.source);
  if (!path) return std::nullopt;
  Need need{std::string(name_of(*path)), path->section, path->one_goal ? goal_id_of(request.input) : ""};
  if (path->one_goal && need.id.empty()) return std::nullopt;
  return need;
}

std::vector<Need> needs_of(const Topic& topic, const ContextRequest& request) {
  const auto used = used_names(topic);
  std::vector<Need> needs;
  for (const auto& parameter : topic.parameters) {
    if (!used->contains(parameter.name)) continue;
    auto need = need_of(parameter, request);
    if (need && std::ranges::find(needs, need->name, &Need::name) == needs.end()) needs.push_back(std::move(*need));
  }
  return needs;
}

// What of it fits into a prompt: whole entries from the front.
base::json::value fitted(const base::json::value& value) {
  const auto text_size = [](const base::json::value& one) { return base::write_json(one).size(); };
  std::size_t left = kMostSectionBytes;
  const auto fits = [&](const base::json::value& one) {
    const auto size = text_size(one);
    if (size > left) return false;
    left -= size;
    return true;
  };
  if (text_size(value) <= kMostSectionBytes) return value;
  if (const auto* list = value.if_array()) {
    base::json::array kept;
    for (const auto& element : *list) {
      if (fits(element)) kept.push_back(element);
    }
    return kept;
  }
  base::json::object kept;
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) {
      if (fits(member.value())) kept.emplace(member.key(), member.value());
    }
  }
  return kept;
}

struct Read {
  std::optional<BusinessData> data;  // nullopt: it failed
};

// The results outlive whoever waits for them, so that this may end after it.
Task<> read_into(const Coaching& coaching, BusinessQuery query, std::shared_ptr<std::vector<Read>> results,
                 std::size_t at) {
  try {
    (*results)[at].data = co_await coaching.business.read(std::move(query));
  } catch (const Error&) {
    // Told by what is missing.
  }
}

Task<std::shared_ptr<std::vector<Read>>> read_all(const Coaching& coaching, const std::vector<Need>& needs,
                                                  const ContextRequest& request) {
  auto results = std::make_shared<std::vector<Read>>(needs.size());
  std::vector<Task<>> reading;
  for (std::size_t i = 0; i < needs.size(); ++i) {
    BusinessQuery query{needs[i].section, needs[i].id, request.owner, request.token, request.trace};
    reading.push_back(read_into(coaching, std::move(query), results, i));
  }
  co_await base::run_all(std::move(reading));
  co_return results;
}

void take(const Need& need, const Read& read, const BusinessContext* before, BusinessContext& context) {
  if (read.data) {
    if (read.data->stale) context.stale.push_back(need.name);
    if (!read.data->value->is_null()) context.sections[need.name] = fitted(*read.data->value);
    return;
  }
  const auto* known = before == nullptr ? nullptr : before->sections.if_contains(need.name);
  if (known == nullptr) {
    context.unavailable.push_back(need.name);
    return;
  }
  context.sections[need.name] = *known;
  context.stale.push_back(need.name);
}

bool says_the_same(const BusinessContext& a, const BusinessContext& b) {
  return a.sections == b.sections && a.unavailable == b.unavailable && a.stale == b.stale;
}

base::json::value profile_value(std::string_view parameter, const base::json::value& profile) {
  constexpr std::string_view kPrefix = "user_";
  if (parameter == "user_name") {
    for (const auto* member : {"preferred_name", "first_name", "name", "full_name", "display_name"}) {
      if (auto name = value_at(profile, member); name.is_string() && !name.get_string().empty()) return name;
    }
    return nullptr;
  }
  if (parameter.starts_with(kPrefix)) parameter.remove_prefix(kPrefix.size());
  return value_at(profile, parameter);
}

// As a context calls it; "" for a parameter of another source.
std::string section_of(const Parameter& parameter) {
  if (parameter.source == "user") return std::string(base::name_of(BusinessSection::profile));
  const auto path = business_path(parameter.source);
  return path ? std::string(name_of(*path)) : std::string();
}

base::json::array list_of(const std::vector<std::string>& names) {
  base::json::array list;
  for (const auto& name : names) list.emplace_back(name);
  return list;
}

}  // namespace

Task<ContextPtr> gather(const Coaching& coaching, std::shared_ptr<const Topic> topic, ContextRequest request,
                        ContextPtr before) {
  const auto needs = needs_of(*topic, request);
  if (needs.empty()) co_return before;
  const auto results = co_await read_all(coaching, needs, request);
  auto context = std::make_shared<BusinessContext>();
  for (std::size_t i = 0; i < needs.size(); ++i) take(needs[i], (*results)[i], before.get(), *context);
  if (before && says_the_same(*before, *context)) co_return before;
  if (context->sections.empty() && context->unavailable.empty() && !before) co_return nullptr;
  context->gathered_at = coaching.clock.now();
  co_return context;
}

base::json::value context_value(const Parameter& parameter, const BusinessContext* context) {
  if (context == nullptr) return nullptr;
  const auto section = section_of(parameter);
  const auto* value = section.empty() ? nullptr : context->sections.if_contains(section);
  if (value == nullptr) return nullptr;
  if (parameter.source == "user") return profile_value(parameter.name, *value);
  return value_at(*value, business_path(parameter.source)->path);
}

void need_business(const Topic& topic, const BusinessContext* context) {
  base::json::array missing;
  for (const auto& parameter : topic.parameters) {
    const auto section = section_of(parameter);
    if (!parameter.required || section.empty() || parameter.source == "user") continue;
    if (!context_value(parameter, context).is_null() || !parameter.default_value.is_null()) continue;
    if (context != nullptr && std::ranges::find(context->unavailable, section) != context->unavailable.end()) {
      Error error(Code::dependency_unavailable,
                  fmt::format("this analysis needs what is on record about {}, and that cannot be read at the moment; "
                              "try again in a minute",
                              section),
                  base::json::object{{"unavailable", list_of(context->unavailable)}});
      error.retry_after = kComeBack;
      throw error;
    }
    missing.push_back({{"field", parameter.source}, {"message", "is needed, and nothing is on record there"}});
  }
  if (missing.empty()) return;
  throw Error(Code::validation_error, "this analysis needs business data that is not on record yet",
              std::move(missing));
}

base::json::object shown_context(const BusinessContext& context) {
  base::json::array sections;
  for (const auto& member : context.sections) sections.emplace_back(member.key());
  return {{"sections", std::move(sections)},
          {"unavailable", list_of(context.unavailable)},
          {"stale", list_of(context.stale)},
          {"gathered_at", base::to_json(context.gathered_at)}};
}

}  // namespace coaching
