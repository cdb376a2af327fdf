// Writing: saving versions, making them live.
#include <fmt/format.h>

#include <algorithm>

#include "base/schema.hpp"
#include "coaching/audit.hpp"
#include "coaching/topic_records.hpp"
#include "coaching/topic_versions.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

constexpr std::string_view kShared = "_shared/";
constexpr std::size_t kMostHistory = 100;  // rollbacks in a row

bool is_error(const LintFinding& finding) { return finding.severity == Severity::error; }

Error not_live(const TopicPointer& pointer) {
  return Error(Code::conflict,
               fmt::format("another version went live meanwhile: {}; look at it, and publish again", pointer.live),
               base::json::object{{"live_version", pointer.live}});
}

Error changed_meanwhile() {
  return Error(Code::conflict, "somebody else changed this topic at the same time; look at it, and try again");
}

void check_seen(const TopicPointer& pointer, const std::optional<std::int64_t>& seen) {
  if (seen && *seen != pointer.live) throw not_live(pointer);
}

void go_live(TopicPointer& pointer, std::int64_t version, const std::string& author, base::Time now) {
  pointer.history.push_back(pointer.live);
  if (pointer.history.size() > kMostHistory) pointer.history.erase(pointer.history.begin());
  pointer.live = version;
  pointer.published_by = author;
  pointer.published_at = now;
}

store::Put put_pointer(const std::string& scope, const TopicPointer& pointer,
                       const std::optional<store::Item>& before) {
  store::Item item;
  item.key = pointer_key(scope, pointer.topic);
  item.version = before ? before->version + 1 : 1;
  item.body = body_of(pointer);
  return {std::move(item), before ? store::Condition::version_is(before->version) : store::Condition::absent()};
}

TopicPointer pointer_of(const std::optional<store::Item>& item, const std::string& id) {
  if (item) return record_of<TopicPointer>(*item);
  TopicPointer pointer;
  pointer.topic = id;
  return pointer;
}

store::Put put_version(const TopicVersion& version) {
  store::Item item;
  item.key = version_key({version.topic, version.scope, version.version});
  item.version = 1;
  item.body = body_of(version);
  return {std::move(item), store::Condition::absent()};
}

// Throws when they are too large: before the lint would call each of them fine.
store::Put put_files(const TopicRef& ref, const TopicFiles& files) {
  base::json::object texts;
  for (const auto& [name, text] : files) texts[name] = text;
  store::Item item;
  item.key = files_key(ref);
  item.version = 1;
  item.body = base::write_json(texts);
  return {std::move(item), store::Condition::absent()};
}

std::vector<LintFinding> unknown_files(const TopicFiles& files, const std::string& id) {
  std::vector<LintFinding> findings;
  std::size_t bytes = 0;
  for (const auto& [name, text] : files) {
    bytes += name.size() + text.size();
    const auto where = fmt::format("{}/{}", id, name);
    if (!name.starts_with(kShared) && !is_topic_file(name)) {
      findings.push_back({where, {}, Severity::error, "is no file of a topic"});
    }
    if (text.size() > kMaxTemplateBytes) {
      findings.push_back(
          {where,
           {},
           Severity::error,
           fmt::format("is larger than {} KB: it has {}", kMaxTemplateBytes / 1024, text.size() / 1024)});
    }
  }
  if (findings.empty() && bytes > kMaxVersionBytes) {
    findings.push_back(
        {id, {}, Severity::error, fmt::format("all files together are larger than {} KB", kMaxVersionBytes / 1000)});
  }
  return findings;
}

// A conversation cannot become an analysis: clients know it by its id.
void check_kind(const Topic& topic, const Topic* before, std::vector<LintFinding>& findings) {
  if (before == nullptr || before->kind == topic.kind) return;
  findings.push_back({topic.id + "/topic.yaml",
                      {},
                      Severity::error,
                      fmt::format("the topic is of kind {}, which cannot change", base::name_of(before->kind))});
}

}  // namespace

SplitFiles split_shared(const TopicFiles& files) {
  SplitFiles split;
  for (const auto& [name, text] : files) {
    if (name.starts_with(kShared)) {
      split.shared.emplace(name.substr(kShared.size()), text);
    } else {
      split.files.emplace(name, text);
    }
  }
  return split;
}

void add_shared_files(TopicFiles& files, const Topics& built_in) {
  if (std::ranges::any_of(files, [](const auto& file) { return file.first.starts_with(kShared); })) return;
  for (const auto& [name, text] : built_in.shared_files()) files.emplace(std::string(kShared) + name, text);
}

bool has_errors(const std::vector<LintFinding>& findings) { return std::ranges::any_of(findings, is_error); }

CheckedFiles check_files(const TopicFiles& files, const std::string& id) {
  CheckedFiles checked{nullptr, unknown_files(files, id)};
  if (!checked.findings.empty()) return checked;
  const auto split = split_shared(files);
  try {
    auto topic = std::make_shared<const Topic>(read_topic(split.files, split.shared, id));
    checked.findings = lint(*topic);
    checked.topic = std::move(topic);
  } catch (const Error& error) {
    checked.findings.push_back(finding_of(error));
  }
  return checked;
}

Error lint_error(const std::vector<LintFinding>& findings) {
  base::json::array details;
  for (const auto& finding : findings) {
    if (!is_error(finding)) continue;
    if (details.size() >= base::kMaxFaults) break;
    const auto where = finding.line ? fmt::format("{}:{}", finding.file, *finding.line) : finding.file;
    details.push_back({{"field", where}, {"message", finding.message}});
  }
  return Error(Code::validation_error, "the lint finds faults in these files; nothing was saved", std::move(details));
}

Task<Saved> TopicVersions::save(SaveRequest request) {
  auto& files = request.files;
  add_shared_files(files, built_in_);
  auto checked = check_files(files, request.id);
  const auto tenant = request.scope;
  if (checked.topic) check_kind(*checked.topic, (co_await live(tenant, request.id)).get(), checked.findings);
  if (has_errors(checked.findings)) throw lint_error(checked.findings);

  const auto before = co_await store_.get(pointer_key(request.scope, request.id));
  auto pointer = pointer_of(before, request.id);
  check_seen(pointer, request.seen_live);
  Saved saved;
  saved.warnings = std::move(checked.findings);
  saved.fresh = pointer.latest == 0 || pointer.latest_hash != checked.topic->hash;
  const auto now = clock_.now();
  std::vector<store::Write> writes;
  if (saved.fresh) {
    saved.version = {
        request.id, request.scope, pointer.latest + 1, request.actor.user_id, request.message, checked.topic->hash,
        now};
    writes.emplace_back(put_version(saved.version));
    writes.emplace_back(put_files({request.id, request.scope, saved.version.version}, files));
    writes.emplace_back(audited(ids_, clock_, request.actor, request.scope, "topic.save", request.id,
                                {{"version", saved.version.version}, {"hash", saved.version.hash}}));
    pointer.latest = saved.version.version;
    pointer.latest_hash = saved.version.hash;
  } else {
    const auto newest = co_await version({request.id, request.scope, pointer.latest});
    if (!newest) throw changed_meanwhile();
    saved.version = *newest;
  }
  if (request.publish && pointer.live != pointer.latest) {
    writes.emplace_back(audited(ids_, clock_, request.actor, request.scope, "topic.publish", request.id,
                                {{"version", pointer.latest}, {"before", pointer.live}}));
    go_live(pointer, pointer.latest, request.actor.user_id, now);
    if (request.when_live) co_await request.when_live(pointer, writes);
  }
  if (writes.empty()) co_return saved;
  writes.emplace_back(put_pointer(request.scope, pointer, before));
  const auto outcome = co_await store_.transact(std::move(writes));
  forget(request.scope);
  if (!outcome.committed()) throw changed_meanwhile();
  co_return saved;
}

Task<TopicPointer> TopicVersions::publish(PublishRequest request) { return move_pointer(std::move(request), false); }

Task<TopicPointer> TopicVersions::rollback(PublishRequest request) { return move_pointer(std::move(request), true); }

Task<TopicPointer> TopicVersions::move_pointer(PublishRequest request, bool back) {
  const auto before = co_await store_.get(pointer_key(request.scope, request.id));
  auto pointer = pointer_of(before, request.id);
  check_seen(pointer, request.seen_live);
  const auto was = pointer.live;
  if (back) {
    if (pointer.history.empty()) {
      throw Error(Code::conflict, "nothing was live before; there is nothing to go back to");
    }
    const auto version = pointer.history.back();
    go_live(pointer, version, request.actor.user_id, clock_.now());
    pointer.history.resize(pointer.history.size() - 2);  // neither what is left nor what was gone back to
  } else {
    if (request.version < 0 || request.version > pointer.latest) {
      throw Error(Code::not_found, fmt::format("there is no version {} of this topic; the newest is {}",
                                               request.version, pointer.latest));
    }
    if (request.version == was) co_return pointer;
    go_live(pointer, request.version, request.actor.user_id, clock_.now());
  }
  std::vector<store::Write> writes;
  writes.emplace_back(put_pointer(request.scope, pointer, before));
  writes.emplace_back(audited(ids_, clock_, request.actor, request.scope, back ? "topic.rollback" : "topic.publish",
                              request.id, {{"version", pointer.live}, {"before", was}}));
  if (request.when_live) co_await request.when_live(pointer, writes);
  const auto outcome = co_await store_.transact(std::move(writes));
  forget(request.scope);
  if (!outcome.committed()) throw changed_meanwhile();
  co_return pointer;
}

}  // namespace coaching
