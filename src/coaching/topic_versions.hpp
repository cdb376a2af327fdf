#pragma once
// Topics under version control. What the binary and topics_dir bring is version 0 of each. A version that somebody saves
// never changes; which one is live is a pointer, so publishing and rolling back are one small write each. A tenant's
// pointer wins over the one for all tenants, and that one over the built-in.
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/async.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "coaching/conversation.hpp"
#include "coaching/topic.hpp"
#include "coaching/topic_lint.hpp"
#include "store/store.hpp"
#include "telemetry/log.hpp"

namespace coaching {

struct Coaching;

inline constexpr std::string_view kAllTenants = "*";
inline constexpr base::Milliseconds kPointerAge{5'000};  // how long another process may go on with the version before
inline constexpr std::size_t kMaxVersionBytes = 380'000;  // of all files of a version, as JSON

struct TopicRef {
  std::string id;
  std::string scope;  // a tenant, kAllTenants, or "" for the built-in
  std::int64_t version = 0;
  bool operator==(const TopicRef&) const = default;
};

// What is known of a version without its files.
struct TopicVersion {
  std::string topic;
  std::string scope;
  std::int64_t version = 0;
  std::string author;  // user id
  std::string message;
  std::string hash;
  base::Time created_at{};
};
BOOST_DESCRIBE_STRUCT(TopicVersion, (), (topic, scope, version, author, message, hash, created_at))

// Of one topic in one scope.
struct TopicPointer {
  std::string topic;
  std::int64_t live = 0;  // 0: none of this scope; what lies below it counts
  std::int64_t latest = 0;  // highest version saved
  std::string latest_hash;
  std::vector<std::int64_t> history;  // what was live before, oldest first: for rollback
  std::string published_by;
  std::optional<base::Time> published_at;
};
BOOST_DESCRIBE_STRUCT(TopicPointer, (), (topic, live, latest, latest_hash, history, published_by, published_at))

// More for the transaction that makes a version live.
using WhenLive = std::function<base::Task<>(const TopicPointer& pointer, std::vector<store::Write>& writes)>;

struct SaveRequest {
  Owner actor;
  std::string scope;
  std::string id;
  TopicFiles files;  // of the folder; what it shares with others as "_shared/conduct.md", else the service's own
  std::string message;
  bool publish = false;  // in the same transaction
  std::optional<std::int64_t> seen_live;  // the live version that the author saw: another one is a conflict
  WhenLive when_live;
};
struct Saved {
  TopicVersion version;
  bool fresh = true;  // false: the newest version has these very files already
  std::vector<LintFinding> warnings;
};

struct PublishRequest {
  Owner actor;
  std::string scope;
  std::string id;
  std::int64_t version = 0;
  std::optional<std::int64_t> seen_live;
  WhenLive when_live;
};

// Any thread. Remembers pointers for kPointerAge and compiled versions for ever (the least recently used go first).
class TopicVersions {
 public:
  // All must outlive it.
  TopicVersions(store::Store& store, const Topics& built_in, const base::Clock& clock, base::Ids& ids,
                telemetry::Log& log)
      : store_(store), built_in_(built_in), clock_(clock), ids_(ids), log_(log) {}

  // What a new conversation of that tenant gets; nullptr when there is no such topic.
  base::Task<std::shared_ptr<const Topic>> live(std::string tenant, std::string id);
  // All of them, by id. One that this binary cannot read is logged (topic_unusable) and left out.
  base::Task<std::vector<std::shared_ptr<const Topic>>> all_live(std::string tenant);
  // nullptr when there is none. A remembered one costs no read of the store. Throws Error{internal_error} when this
  // binary cannot read it.
  base::Task<std::shared_ptr<const Topic>> at(TopicRef ref);
  std::shared_ptr<const Topic> remembered(const TopicRef& ref);  // nullptr: unknown, or not in memory

  // Everything below reads what was committed before the call.
  base::Task<std::optional<TopicPointer>> pointer(std::string scope, std::string id);
  base::Task<std::vector<TopicPointer>> pointers(std::string scope);
  base::Task<std::vector<TopicVersion>> versions(std::string scope, std::string id);  // newest first
  base::Task<std::optional<TopicVersion>> version(TopicRef ref);
  // With shared texts as "_shared/…"; empty when there is no such version.
  base::Task<TopicFiles> files(TopicRef ref);

  // Saves an immutable version. Throws Error: validation_error with the lint's findings; conflict when somebody else
  // was faster.
  base::Task<Saved> save(SaveRequest request);
  // Makes a version live; 0 withdraws what the scope has. Throws Error: not_found, conflict.
  base::Task<TopicPointer> publish(PublishRequest request);
  // Back to what was live before; `version` is not used. Throws Error{conflict} when there is nothing to go back to.
  base::Task<TopicPointer> rollback(PublishRequest request);

  const Topics& built_in() const { return built_in_; }

 private:
  using Pointers = std::map<std::string, TopicPointer, std::less<>>;
  struct ScopePointers {
    base::Time read_at{};
    std::shared_ptr<const Pointers> pointers;
  };
  struct Compiled {
    std::string key;
    std::shared_ptr<const Topic> topic;
  };

  base::Task<std::shared_ptr<const Pointers>> pointers_of(std::string scope);
  base::Task<std::shared_ptr<const Topic>> read(TopicRef ref);
  base::Task<TopicPointer> move_pointer(PublishRequest request, bool back);
  void forget(const std::string& scope);
  void remember(const TopicRef& ref, std::shared_ptr<const Topic> topic);

  store::Store& store_;
  const Topics& built_in_;
  const base::Clock& clock_;
  base::Ids& ids_;
  telemetry::Log& log_;
  std::mutex mutex_;
  std::unordered_map<std::string, ScopePointers> pointers_;
  std::list<Compiled> by_use_;  // most recent first
  std::unordered_map<std::string, std::list<Compiled>::iterator> compiled_;
};

base::Task<std::shared_ptr<const Topic>> live_topic(const Coaching& coaching, std::string tenant, std::string id);
base::Task<std::shared_ptr<const Topic>> topic_at(const Coaching& coaching, TopicRef ref);
base::Task<std::vector<std::shared_ptr<const Topic>>> live_topics(const Coaching& coaching, std::string tenant);

// The one that the conversation began with. Throws Error{topic_not_found} when it is gone.
TopicRef topic_ref(const Conversation& conversation);
base::Task<std::shared_ptr<const Topic>> topic_of(const Coaching& coaching, const Conversation& conversation);

// Splits "_shared/…" off, reads and lints. The topic is nullptr when it cannot even be read.
struct CheckedFiles {
  std::shared_ptr<const Topic> topic;
  std::vector<LintFinding> findings;
};
CheckedFiles check_files(const TopicFiles& files, const std::string& id);
bool has_errors(const std::vector<LintFinding>& findings);
// Files that bring no shared texts of their own get the service's.
void add_shared_files(TopicFiles& files, const Topics& built_in);
// The findings as what a client is shown: validation_error with file and line of each.
base::Error lint_error(const std::vector<LintFinding>& findings);

}  // namespace coaching
