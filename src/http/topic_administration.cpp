#include "http/topic_administration.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "coaching/diff.hpp"
#include "coaching/events.hpp"
#include "coaching/topic_preview.hpp"
#include "coaching/topic_versions.hpp"

namespace http {
namespace {

using base::Code;
using base::Error;
using base::Task;
using coaching::Coaching;
using coaching::TopicRef;
using coaching::TopicVersions;
namespace json = base::json;

coaching::Owner actor_of(const Call& call) { return {call.caller.tenant_id, call.caller.user_id}; }

bool is_operator(const Caller& caller) { return std::ranges::find(caller.roles, kOperatorRole) != caller.roles.end(); }

// Whose versions the call is about: the caller's tenant's, or those for all tenants.
std::string scope_of(const Call& call, bool writes) {
  const bool all = call.text_parameter("scope") == "all";
  if (call.caller.tenant_id == coaching::kAllTenants) {
    throw Error(Code::forbidden, "a tenant of this name cannot have topics of its own");
  }
  if (!all) return call.caller.tenant_id;
  if (writes && !is_operator(call.caller)) {
    throw Error(Code::forbidden, "what all tenants get is the operator's: purposepath topics publish --all-tenants");
  }
  return std::string(coaching::kAllTenants);
}

Error no_topic() { return Error(Code::topic_not_found, "there is no such topic; GET /api/v1/admin/topics lists them"); }

Error no_version(std::int64_t version) {
  return Error(Code::not_found, fmt::format("this topic has no version {} here", version));
}

std::string_view origin_name(std::string_view scope) {
  if (scope.empty()) return "built_in";
  return scope == coaching::kAllTenants ? "all_tenants" : "tenant";
}

std::optional<std::int64_t> optional_number(const Call& call, std::string_view member) {
  const auto* body = call.input.body.if_object();
  const auto* value = body == nullptr ? nullptr : body->if_contains(member);
  if (value == nullptr || value->is_null()) return std::nullopt;
  return value->to_number<std::int64_t>();
}

std::optional<std::int64_t> version_parameter(const Call& call, std::string_view name) {
  const auto* value = call.input.parameters.if_contains(name);
  if (value == nullptr || value->is_null()) return std::nullopt;
  return value->to_number<std::int64_t>();
}

// Version 0 is the built-in whatever the scope.
TopicRef ref_of(std::string id, std::string scope, std::int64_t version) {
  return {std::move(id), version == 0 ? std::string() : std::move(scope), version};
}

json::object findings_body(const std::vector<coaching::LintFinding>& findings) {
  json::array list;
  for (const auto& finding : findings) {
    if (finding.severity != coaching::Severity::warning) continue;
    list.push_back({{"field", finding.line ? fmt::format("{}:{}", finding.file, *finding.line) : finding.file},
                    {"message", finding.message}});
  }
  return {{"warnings", std::move(list)}};
}

json::object version_body(const coaching::TopicVersion& version) {
  return {{"version", version.version},
          {"author", version.author},
          {"message", version.message},
          {"hash", version.hash},
          {"created_at", base::to_json(version.created_at)}};
}

json::object pointer_body(const std::optional<coaching::TopicPointer>& pointer) {
  const coaching::TopicPointer none;
  const auto& shown = pointer ? *pointer : none;
  return {{"live_version", shown.live},
          {"latest_version", shown.latest},
          {"previous_version", shown.history.empty() ? json::value() : json::value(shown.history.back())},
          {"published_by", shown.published_by.empty() ? json::value() : json::value(shown.published_by)},
          {"published_at", base::to_json(shown.published_at)}};
}

json::object summary_body(const coaching::Topic& topic) {
  return {{"id", topic.id},           {"kind", base::name_of(topic.kind)},
          {"name", topic.name},       {"description", topic.description},
          {"tier", topic.tier},       {"origin", origin_name(topic.scope)},
          {"version", topic.version}, {"hash", topic.hash}};
}

void merge(json::object& into, json::object more) {
  for (auto& member : more) into.insert_or_assign(member.key(), std::move(member.value()));
}

// What is offered, and what waits to be published.
Task<Response> list(const Coaching& coaching, const Call& call) {
  const auto scope = scope_of(call, false);
  auto& versions = coaching.topic_versions;
  std::map<std::string, coaching::TopicPointer> pointers;
  for (auto& pointer : co_await versions.pointers(scope)) pointers.emplace(pointer.topic, std::move(pointer));
  json::array topics;
  for (const auto& topic : co_await versions.all_live(scope)) {
    auto body = summary_body(*topic);
    const auto own = pointers.extract(topic->id);
    merge(body, pointer_body(own.empty() ? std::nullopt : std::optional(own.mapped())));
    body["live"] = true;
    topics.push_back(std::move(body));
  }
  for (const auto& [id, pointer] : pointers) {
    const auto topic = co_await versions.at({id, scope, pointer.latest});
    if (!topic) continue;
    auto body = summary_body(*topic);
    merge(body, pointer_body(pointer));
    body["live"] = false;
    topics.push_back(std::move(body));
  }
  co_return Response::json(200, {{"topics", std::move(topics)}});
}

// The version that is named, else the live one, else the newest.
Task<TopicRef> chosen(const Coaching& coaching, std::string id, std::string scope,
                      std::optional<std::int64_t> version) {
  if (version) co_return ref_of(std::move(id), std::move(scope), *version);
  if (const auto topic = co_await coaching.topic_versions.live(scope, id)) {
    co_return TopicRef{topic->id, topic->scope, topic->version};
  }
  const auto pointer = co_await coaching.topic_versions.pointer(scope, id);
  if (!pointer) throw no_topic();
  co_return TopicRef{id, scope, pointer->latest};
}

Task<std::shared_ptr<const coaching::Topic>> read(const Coaching& coaching, TopicRef ref) {
  auto topic = co_await coaching.topic_versions.at(ref);
  if (!topic && ref.version == 0) throw no_topic();
  if (!topic) throw no_version(ref.version);
  co_return topic;
}

Task<Response> show(const Coaching& coaching, const Call& call) {
  const auto scope = scope_of(call, false);
  const auto id = call.path("topic_id");
  const auto ref = co_await chosen(coaching, id, scope, version_parameter(call, "version"));
  const auto topic = co_await read(coaching, ref);
  auto body = summary_body(*topic);
  merge(body, pointer_body(co_await coaching.topic_versions.pointer(scope, id)));
  json::object files;
  for (const auto& [name, text] : co_await coaching.topic_versions.files(ref)) files[name] = text;
  body["files"] = std::move(files);
  json::array parameters;
  for (const auto& parameter : topic->parameters) parameters.push_back(base::to_json(parameter));
  body["parameters"] = std::move(parameters);
  const auto version = ref.scope.empty() ? std::nullopt : co_await coaching.topic_versions.version(ref);
  body["author"] = version ? json::value(version->author) : json::value();
  body["message"] = version ? json::value(version->message) : json::value();
  body["created_at"] = version ? base::to_json(version->created_at) : json::value();
  co_return Response::json(200, body);
}

Task<Response> list_versions(const Coaching& coaching, const Call& call) {
  const auto scope = scope_of(call, false);
  const auto id = call.path("topic_id");
  const auto pointer = co_await coaching.topic_versions.pointer(scope, id);
  const auto built_in = coaching.topics.find(id);
  if (!pointer && !built_in && !co_await coaching.topic_versions.live(scope, id)) throw no_topic();
  json::array list;
  for (const auto& version : co_await coaching.topic_versions.versions(scope, id))
    list.push_back(version_body(version));
  json::object body{{"topic", id}, {"versions", std::move(list)}};
  merge(body, pointer_body(pointer));
  body["built_in_hash"] = built_in ? json::value(built_in->hash) : json::value();
  co_return Response::json(200, body);
}

coaching::TopicFiles files_of(const Call& call) {
  coaching::TopicFiles files;
  for (const auto& [name, text] : call.object("files")) files.emplace(name, std::string(text.as_string()));
  return files;
}

// Tells of a version that goes live, in the transaction that makes it so. What all tenants get is no tenant's event.
class Publication {
 public:
  Publication(const Coaching& coaching, const Call& call, const std::string& scope)
      : coaching_(coaching), actor_(actor_of(call)), told_(scope != coaching::kAllTenants) {}

  coaching::WhenLive when_live() {
    return [this](const coaching::TopicPointer& pointer, std::vector<store::Write>& writes) -> Task<> {
      if (!told_) co_return;
      json::object data{{"topic", pointer.topic}, {"version", pointer.live}};
      event_ = co_await coaching::add_event(coaching_, actor_, coaching::kTopicPublished, std::move(data), writes);
    };
  }
  Task<> announce() {
    if (event_) co_await coaching::announce(coaching_, std::move(*event_));
  }

 private:
  const Coaching& coaching_;
  coaching::Owner actor_;
  bool told_;
  std::optional<coaching::Event> event_;
};

Task<Response> save(const Coaching& coaching, const Call& call) {
  coaching::SaveRequest request;
  request.actor = actor_of(call);
  request.scope = scope_of(call, true);
  request.id = call.path("topic_id");
  request.files = files_of(call);
  request.message = call.text("message");
  const auto* publish = call.input.body.as_object().if_contains("publish");
  request.publish = publish != nullptr && publish->as_bool();
  request.seen_live = optional_number(call, "live_version");
  const auto id = request.id;
  const auto scope = request.scope;
  Publication publication(coaching, call, scope);
  request.when_live = publication.when_live();
  const auto saved = co_await coaching.topic_versions.save(std::move(request));
  co_await publication.announce();
  auto body = version_body(saved.version);
  body["topic"] = id;
  merge(body, pointer_body(co_await coaching.topic_versions.pointer(scope, id)));
  merge(body, findings_body(saved.warnings));
  auto response = Response::json(saved.fresh ? 201 : 200, body);
  response.headers.emplace_back("Location",
                                fmt::format("/api/v1/admin/topics/{}?version={}{}", id, saved.version.version,
                                            scope == coaching::kAllTenants ? "&scope=all" : ""));
  co_return response;
}

Task<Response> move_pointer(const Coaching& coaching, const Call& call, bool back) {
  coaching::PublishRequest request;
  request.actor = actor_of(call);
  request.scope = scope_of(call, true);
  request.id = call.path("topic_id");
  request.version = back ? 0 : optional_number(call, "version").value_or(0);
  request.seen_live = optional_number(call, "live_version");
  const auto id = request.id;
  auto& versions = coaching.topic_versions;
  if (!co_await versions.pointer(request.scope, id) && !coaching.topics.find(id)) throw no_topic();
  Publication publication(coaching, call, request.scope);
  request.when_live = publication.when_live();
  const auto pointer =
      back ? co_await versions.rollback(std::move(request)) : co_await versions.publish(std::move(request));
  co_await publication.announce();
  auto body = pointer_body(pointer);
  body["topic"] = id;
  co_return Response::json(200, body);
}

// Of the files in the body when there are any, else of a version.
Task<std::shared_ptr<const coaching::Topic>> previewed(const Coaching& coaching, const Call& call) {
  const auto id = call.path("topic_id");
  const auto scope = scope_of(call, false);
  auto files = files_of(call);
  if (files.empty()) {
    auto ref = co_await chosen(coaching, id, scope, optional_number(call, "version"));
    co_return co_await read(coaching, std::move(ref));
  }
  coaching::add_shared_files(files, coaching.topics);
  auto checked = coaching::check_files(files, id);
  if (coaching::has_errors(checked.findings)) throw coaching::lint_error(checked.findings);
  co_return checked.topic;
}

// Throws validation_error for samples that the topic does not declare.
json::object samples_of(const Call& call, const coaching::Topic& topic) {
  auto samples = call.object("parameters");
  json::array faults;
  for (const auto& sample : samples) {
    if (topic.parameter(sample.key()) != nullptr) continue;
    faults.push_back(
        {{"field", "parameters." + std::string(sample.key())}, {"message", "is no parameter of this topic"}});
  }
  if (!faults.empty()) throw Error(Code::validation_error, "some parameters are not the topic's", std::move(faults));
  return samples;
}

Task<Response> render(const Coaching& coaching, const Call& call) {
  const auto topic = co_await previewed(coaching, call);
  json::array list;
  for (const auto& prompt : coaching::render_topic(*topic, samples_of(call, *topic)))
    list.push_back(base::to_json(prompt));
  co_return Response::json(200, {{"topic", topic->id},
                                 {"origin", origin_name(topic->scope)},
                                 {"version", topic->version},
                                 {"prompts", std::move(list)}});
}

std::vector<llm::Message> messages_of(const Call& call) {
  std::vector<llm::Message> messages;
  const auto* body = call.input.body.if_object();
  const auto* list = body == nullptr ? nullptr : body->if_contains("messages");
  if (list == nullptr) return messages;
  for (const auto& message : list->as_array()) {
    messages.push_back({message.at("role") == "user" ? llm::Role::user : llm::Role::assistant,
                        base::PrivateText(std::string(message.at("content").as_string()))});
  }
  return messages;
}

Task<Response> test(const Coaching& coaching, const Call& call) {
  const auto topic = co_await previewed(coaching, call);
  coaching::TrialRequest request;
  const bool analysis = topic->kind == coaching::TopicKind::analysis;
  request.part = base::enum_from<coaching::TrialPart>(call.text("part", analysis ? "result" : "opening"));
  request.samples = samples_of(call, *topic);
  request.messages = messages_of(call);
  request.trace = call.request.trace;
  const coaching::Account account{actor_of(call), topic->id, call.caller.tier, "topic_test"};
  const auto trial = co_await coaching::try_topic(coaching, account, topic, std::move(request));
  co_return Response::json(200, {{"topic", topic->id},
                                 {"origin", origin_name(topic->scope)},
                                 {"version", topic->version},
                                 {"text", trial.text},
                                 {"result", trial.value},
                                 {"fault", trial.fault.empty() ? json::value() : json::value(trial.fault)},
                                 {"model", trial.model},
                                 {"prompt_tokens", trial.usage.prompt_tokens},
                                 {"completion_tokens", trial.usage.completion_tokens},
                                 {"cost_usd", trial.cost_usd},
                                 {"latency_ms", trial.latency.count()}});
}

Task<Response> diff(const Coaching& coaching, const Call& call) {
  const auto scope = scope_of(call, false);
  const auto id = call.path("topic_id");
  auto& versions = coaching.topic_versions;
  const auto from = co_await chosen(coaching, id, scope, version_parameter(call, "from"));
  const auto pointer = co_await versions.pointer(scope, id);
  const auto to = ref_of(id, scope, version_parameter(call, "to").value_or(pointer ? pointer->latest : 0));
  const auto before = co_await versions.files(from);
  const auto after = co_await versions.files(to);
  if (before.empty() && from.version > 0) throw no_version(from.version);
  if (after.empty() && to.version > 0) throw no_version(to.version);
  if (before.empty() && after.empty()) throw no_topic();
  json::array files;
  for (const auto& changed : coaching::diff_files(before, after)) {
    files.push_back({{"file", changed.file}, {"diff", changed.diff}});
  }
  co_return Response::json(200, {{"topic", id},
                                 {"from", {{"origin", origin_name(from.scope)}, {"version", from.version}}},
                                 {"to", {{"origin", origin_name(to.scope)}, {"version", to.version}}},
                                 {"files", std::move(files)}});
}

}  // namespace

void add_topic_administration(Handlers& handlers, const Coaching& coaching) {
  handlers.emplace("admin_list_topics", [&coaching](const Call& call) { return list(coaching, call); });
  handlers.emplace("admin_get_topic", [&coaching](const Call& call) { return show(coaching, call); });
  handlers.emplace("admin_list_versions", [&coaching](const Call& call) { return list_versions(coaching, call); });
  handlers.emplace("admin_save_version", [&coaching](const Call& call) { return save(coaching, call); });
  handlers.emplace("admin_publish_topic",
                   [&coaching](const Call& call) { return move_pointer(coaching, call, false); });
  handlers.emplace("admin_rollback_topic",
                   [&coaching](const Call& call) { return move_pointer(coaching, call, true); });
  handlers.emplace("admin_render_topic", [&coaching](const Call& call) { return render(coaching, call); });
  handlers.emplace("admin_test_topic", [&coaching](const Call& call) { return test(coaching, call); });
  handlers.emplace("admin_diff_topic", [&coaching](const Call& call) { return diff(coaching, call); });
}

}  // namespace http
