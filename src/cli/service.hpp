#pragma once
// The whole service, wired: every part is made here once and handed to those that need it.
#include <memory>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "cli/settings.hpp"
#include "coaching/business.hpp"
#include "coaching/cache.hpp"
#include "coaching/event_hub.hpp"
#include "coaching/live_job.hpp"
#include "coaching/live_turn.hpp"
#include "coaching/options.hpp"
#include "coaching/response_cache.hpp"
#include "coaching/tenants.hpp"
#include "coaching/topic_versions.hpp"
#include "coaching/webhooks.hpp"
#include "coaching/website.hpp"
#include "http/api.hpp"
#include "http/contract.hpp"
#include "http/rate_limit.hpp"
#include "http/secrets.hpp"
#include "http/server.hpp"
#include "http/system.hpp"
#include "http/token.hpp"
#include "llm/router.hpp"
#include "net/http_client.hpp"
#include "net/trace_exporter.hpp"
#include "store/sqlite.hpp"
#include "telemetry/log.hpp"
#include "telemetry/metrics.hpp"
#include "telemetry/tracer.hpp"

namespace cli {

// The order of the members is the order in which they are made; they end in the opposite one. The store ends before the
// server's io_contexts, to which its writer posts.
class Service {
 public:
  // Opens the store and listens; answers from start() on. Throws base::Error saying what is missing and what to do.
  explicit Service(const Settings& settings);

  void start();
  // Answers requests, and leaves what is open in the store alone: for commands.
  void serve_requests();
  int port() const { return server_->port(); }
  const llm::Provider& provider() const { return router_; }
  // Accepts no more, finishes open turns up to the drain time-out, and leaves the rest to whoever comes next.
  void drain();
  telemetry::Log& log() { return log_; }

 private:
  http::Handlers make_handlers();
  void start_exporter();
  // For turns and jobs, also those whose clients have gone.
  void wait_for_work(base::Milliseconds timeout);
  base::Task<http::DependencyHealth> check_secrets();
  base::Task<http::DependencyHealth> check_business();
  std::unique_ptr<coaching::BusinessSource> make_business();

  const Settings& settings_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  base::Ids ids_{clock_, random_};
  telemetry::Log log_;
  telemetry::Registry metrics_;
  std::unique_ptr<telemetry::Tracer> tracer_;  // nullptr: no traces
  http::Contract contract_;
  coaching::Topics topics_;
  http::Secrets secrets_;
  http::TokenVerifier tokens_;
  http::RateLimiter limits_;
  net::HttpClient client_;
  std::unique_ptr<net::TraceExporter> trace_exporter_;  // with tracer_
  llm::Router router_;
  coaching::ConversationCache cache_;
  coaching::ResponseCache responses_;
  coaching::LiveTurns live_turns_;
  coaching::LiveJobs live_jobs_;
  coaching::ListedTenants tenants_;
  std::unique_ptr<coaching::BusinessSource> business_;  // what it fetches ends with the server's threads
  coaching::Websites websites_;
  coaching::EventHub event_hub_;
  coaching::Webhooks webhooks_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<coaching::TopicVersions> topic_versions_;
  std::unique_ptr<coaching::Coaching> coaching_;
  std::unique_ptr<http::System> system_;
  std::unique_ptr<http::Api> api_;
};

}  // namespace cli
