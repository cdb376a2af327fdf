#pragma once
// For tests: coaching over a real store and a scripted model, with a clock that stands still until told.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "coaching/cache.hpp"
#include "coaching/conversations.hpp"
#include "coaching/event_hub.hpp"
#include "coaching/live_job.hpp"
#include "coaching/live_turn.hpp"
#include "coaching/local_business.hpp"
#include "coaching/options.hpp"
#include "coaching/response_cache.hpp"
#include "coaching/tenants.hpp"
#include "coaching/topic_versions.hpp"
#include "coaching/turn.hpp"
#include "coaching/webhooks.hpp"
#include "coaching/website.hpp"
#include "llm/scripted.hpp"
#include "store/sqlite.hpp"
#include "store/temporary_folder.hpp"

namespace coaching {

// One process's share of coaching; several may work on one store.
struct Instance {
  Instance(const CoachingOptions& options, const llm::LlmOptions& llm_options, store::Store& store,
           const Topics& topics, const WebsiteOptions& website, const WebhookOptions& webhook_options,
           const base::Clock& clock, base::Ids& ids, base::Random& random, telemetry::Log& log,
           telemetry::Registry& metrics)
      : topic_versions(store, topics, clock, ids, log),
        business(store),
        websites(website),
        webhooks(webhook_options, false),
        coaching{options,   llm_options, store,     model,   topics,   topic_versions, cache,
                 responses, live_turns,  live_jobs, tenants, business, websites,       event_hub,
                 webhooks,  clock,       ids,       random,  log,      metrics} {}
  TopicVersions topic_versions;
  llm::ScriptedProvider model;
  ConversationCache cache{100};
  ResponseCache responses{1 << 20};
  LiveTurns live_turns{100};
  LiveJobs live_jobs{10};
  ListedTenants tenants;
  LocalBusiness business;
  Websites websites;
  EventHub event_hub;
  Webhooks webhooks;
  Coaching coaching;
};

class World {
 public:
  World() {
    options.assessment = AssessmentMode::rules;
    store::SqliteOptions file;
    file.path = folder.file("store.db");
    store = store::open_sqlite(file, clock, metrics, log);
    first = make_instance();
  }
  ~World() { store.reset(); }

  std::unique_ptr<Instance> make_instance() {
    return std::make_unique<Instance>(options, llm_options, *store, topics, website_options, webhook_options, clock,
                                      ids, random, log, metrics);
  }

  // Runs the task to its end; its error is thrown here.
  template <class T>
  T run(base::Task<T> task) {
    std::optional<T> result;
    std::exception_ptr failure;
    bool done = false;
    boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
      failure = error;
      if (!error) result.emplace(std::move(value));
      done = true;
    });
    drive([&] { return done; });
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }
  void run(base::Task<> task) {
    std::exception_ptr failure;
    bool done = false;
    boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr error) {
      failure = error;
      done = true;
    });
    drive([&] { return done; });
    if (failure) std::rethrow_exception(failure);
  }
  template <class Done>
  void drive(Done done) {
    io.restart();
    while (!done()) ASSERT_EQ(io.run_one_for(std::chrono::seconds(20)), 1u) << "nothing happens any more";
  }
  template <class Call>
  base::Code error_of(Call call) {
    try {
      call();
    } catch (const base::Error& error) {
      last_error = error;
      return error.code;
    }
    ADD_FAILURE() << "no error";
    return base::Code::internal_error;
  }

  Conversation start(const std::string& topic = "core_values") {
    return run(start_conversation(first->coaching, owner, StartRequest{topic, {}, "en", "free", {}})).conversation;
  }
  static TurnRequest message(std::string text, std::string key = "") {
    TurnRequest request;
    request.user_message = base::PrivateText(std::move(text));
    request.idempotency_key = std::move(key);
    return request;
  }
  LiveTurnPtr take(const std::string& id, TurnRequest request) {
    return run(take_turn(first->coaching, owner, id, std::move(request)));
  }
  std::shared_ptr<const Message> say(const std::string& id, const std::string& text, const std::string& key = "") {
    return run(take(id, message(text, key))->wait_for_reply());
  }
  Conversation stored(const std::string& id) {
    first->cache.drop(id);
    return run(load(first->coaching, owner, id))->conversation;
  }
  std::vector<Message> messages(const std::string& id) {
    return run(read_messages(first->coaching, stored(id), "", 1000)).messages;
  }

  store::TemporaryFolder folder;
  base::FakeClock clock;
  base::FakeRandom random;
  base::Ids ids{clock, random};
  telemetry::Log log{::open("/dev/null", O_WRONLY | O_CLOEXEC), telemetry::Level::error, clock};
  telemetry::Registry metrics;
  CoachingOptions options;
  llm::LlmOptions llm_options;
  WebsiteOptions website_options;
  WebhookOptions webhook_options;
  Topics topics = Topics::load();
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> working{io.get_executor()};
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Instance> first;
  Owner owner{"bakery", "ines"};
  std::optional<base::Error> last_error;
};

}  // namespace coaching
