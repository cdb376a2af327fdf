#include "cli/service.hpp"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>

#include "base/embedded.hpp"
#include "cli/development_token.hpp"
#include "coaching/business_cache.hpp"
#include "coaching/http_business.hpp"
#include "coaching/local_business.hpp"
#include "coaching/sweep.hpp"
#include "http/analysis.hpp"
#include "http/business.hpp"
#include "http/conversations.hpp"
#include "http/errors.hpp"
#include "http/events.hpp"
#include "http/jobs.hpp"
#include "http/models.hpp"
#include "http/tenant_records.hpp"
#include "http/topic_administration.hpp"
#include "http/topic_contract.hpp"
#include "http/topics.hpp"
#include "http/usage.hpp"
#include "http/webhooks.hpp"

namespace cli {
namespace {

std::string_view openapi() {
  const auto document = base::embedded("openapi.json");
  if (!document) throw base::Error(base::Code::internal_error, "the binary was built without its openapi.yaml");
  return *document;
}

// The configured secret, or in development the data folder's own.
http::AuthOptions with_secret(const Settings& settings) {
  auto options = settings.auth;
  if (options.secret.empty() && options.secret_file.empty()) options.secret = signing_secret(settings);
  return options;
}

std::unique_ptr<telemetry::Tracer> make_tracer(const telemetry::TraceOptions& options, const base::Clock& clock,
                                               base::Random& random, telemetry::Registry& metrics) {
  if (options.endpoint.empty()) return nullptr;
  return std::make_unique<telemetry::Tracer>(options.sample_ratio, clock, random, metrics);
}

const Settings& with_data_folder(const Settings& settings) {
  std::error_code failed;
  std::filesystem::create_directories(settings.data, failed);
  if (failed) {
    throw base::Error(base::Code::dependency_unavailable,
                      fmt::format("the data folder {} cannot be made: {}", settings.data, failed.message()));
  }
  return settings;
}

}  // namespace

Service::Service(const Settings& settings)
    : settings_(with_data_folder(settings)),
      log_(STDOUT_FILENO, settings.log.level, clock_),
      tracer_(make_tracer(settings.telemetry.traces, clock_, random_, metrics_)),
      contract_(openapi()),
      topics_(coaching::Topics::load(settings.topics_dir)),
      secrets_(with_secret(settings), clock_),
      tokens_(settings.auth, secrets_, clock_),
      limits_(settings.rate_limits, clock_),
      client_(settings.client),
      router_(settings.llm, {client_, clock_, random_, log_, metrics_}),
      cache_(static_cast<std::size_t>(settings.coaching.cached_conversations)),
      responses_(static_cast<std::size_t>(settings.coaching.analysis.cache_bytes)),
      live_turns_(static_cast<std::size_t>(settings.coaching.max_live_turns)),
      live_jobs_(static_cast<std::size_t>(settings.coaching.max_live_jobs)),
      websites_(settings.website),
      webhooks_(settings.webhooks, settings.stage == Stage::development) {
  if (tracer_) {
    trace_exporter_ = std::make_unique<net::TraceExporter>(
        settings.telemetry.traces, net::TraceExporterDependencies{*tracer_, client_, clock_, random_, log_, metrics_});
  }
  http::Application application;
  application.handle = [this](http::Request& request) { return api_->handle(request); };
  application.to_response = http::to_response;
  server_ = std::make_unique<http::Server>(settings.http, std::move(application),
                                           http::ServerEnvironment{log_, metrics_, clock_, ids_, tracer_.get()});
  store_ = store::open_sqlite(sqlite_options(settings), clock_, metrics_, log_);
  business_ = make_business();
  topic_versions_ = std::make_unique<coaching::TopicVersions>(*store_, topics_, clock_, ids_, log_);
  coaching_ = std::make_unique<coaching::Coaching>(coaching::Coaching{
      settings.coaching, settings.llm, *store_,    router_,  topics_,    *topic_versions_, cache_,
      responses_,        live_turns_,  live_jobs_, tenants_, *business_, websites_,        event_hub_,
      webhooks_,         clock_,       ids_,       random_,  log_,       metrics_,         tracer_.get()});
  http::SystemInfo info;
  info.stage = base::name_of(settings.stage);
  info.openapi_json = [this] { return http::with_topic_paths(openapi(), topics_.all()); };
  std::vector<http::Dependency> dependencies;
  dependencies.push_back(http::store_dependency(*store_));
  dependencies.push_back(http::model_dependency(router_));
  dependencies.push_back({"business_api", [this] { return check_business(); }, false});
  dependencies.push_back({"secrets", [this] { return check_secrets(); }, false});
  system_ = std::make_unique<http::System>(std::move(info), std::move(dependencies), metrics_);
  api_ = std::make_unique<http::Api>(contract_, make_handlers(), tokens_, limits_, log_);
  for (auto& route : system_->routes()) {
    if (contract_.find(route.method, route.pattern) != nullptr) continue;
    api_->add_open_route(std::move(route.method), std::move(route.pattern), std::move(route.handler));
  }
}

base::Task<http::DependencyHealth> Service::check_secrets() {
  secrets_.generation();  // looks at the file, also when no token was verified for a while
  const auto fault = secrets_.fault();
  co_return http::DependencyHealth{fault.empty() ? http::DependencyState::healthy : http::DependencyState::degraded,
                                   fault};
}

base::Task<http::DependencyHealth> Service::check_business() {
  using enum coaching::BusinessHealth::State;
  auto health = co_await business_->health();
  const auto state = health.state == healthy     ? http::DependencyState::healthy
                     : health.state == degraded  ? http::DependencyState::degraded
                     : health.state == unhealthy ? http::DependencyState::unhealthy
                                                 : http::DependencyState::not_configured;
  co_return http::DependencyHealth{state, std::move(health.reason)};
}

std::unique_ptr<coaching::BusinessSource> Service::make_business() {
  const auto& options = settings_.business;
  switch (options.provider) {
    case coaching::BusinessProvider::local: return std::make_unique<coaching::LocalBusiness>(*store_);
    case coaching::BusinessProvider::none: return std::make_unique<coaching::NoBusiness>();
    case coaching::BusinessProvider::http: break;
  }
  auto api = std::make_unique<coaching::HttpBusiness>(options,
                                                      coaching::BusinessDependencies{client_, clock_, log_, metrics_});
  return std::make_unique<coaching::CachedBusiness>(options, std::move(api), clock_, metrics_);
}

http::Handlers Service::make_handlers() {
  http::Handlers handlers;
  http::add_conversations(handlers, *coaching_, settings_.http.sse_keep_alive);
  http::add_topics(handlers, *coaching_);
  http::add_analyses(handlers, *coaching_);
  http::add_events(handlers, *coaching_, settings_.http.sse_keep_alive);
  http::add_jobs(handlers, *coaching_);
  http::add_topic_administration(handlers, *coaching_);
  http::add_tenant_records(handlers, *coaching_);
  http::add_business(handlers, *coaching_, settings_.business);
  http::add_models(handlers, router_);
  http::add_usage(handlers, *coaching_);
  http::add_webhooks(handlers, *coaching_);
  for (const auto& route : system_->routes()) {
    if (const auto* operation = contract_.find(route.method, route.pattern)) {
      handlers.emplace(operation->id,
                       [handler = route.handler](const http::Call& call) { return handler(call.request); });
    }
  }
  return handlers;
}

void Service::start_exporter() {
  if (trace_exporter_) trace_exporter_->start();
}

void Service::serve_requests() {
  start_exporter();
  server_->start();
}

void Service::start() {
  start_exporter();
  server_->start();
  boost::asio::co_spawn(server_->context(0), coaching::sweep_forever(*coaching_, true), boost::asio::detached);
}

void Service::wait_for_work(base::Milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  const auto wait = [&](auto& works) {
    const auto left = std::chrono::duration_cast<base::Milliseconds>(until - std::chrono::steady_clock::now());
    boost::asio::co_spawn(server_->context(0), works.wait_until_empty(std::max(left, base::Milliseconds(0))),
                          boost::asio::use_future)
        .wait();
  };
  wait(live_turns_);
  wait(live_jobs_);
}

void Service::drain() {
  using namespace std::chrono_literals;
  const auto begin = std::chrono::steady_clock::now();
  event_hub_.close();  // who listens there would do so for ever
  live_jobs_.close();
  server_->drain();
  const auto spent = std::chrono::duration_cast<base::Milliseconds>(std::chrono::steady_clock::now() - begin);
  wait_for_work(std::max<base::Milliseconds>(settings_.http.drain_timeout - spent, 0ms));
  for (const auto& live : live_turns_.all()) {
    live->interrupt(
        base::Error(base::Code::shutting_down, "the server is going down; the reply comes from the next one"));
  }
  for (const auto& live : live_jobs_.all()) {
    live->interrupt(base::Error(base::Code::shutting_down, "the server is going down; the next one does the job"));
  }
  wait_for_work(2s);
  server_->stop();
  if (trace_exporter_) trace_exporter_->stop(3s);
}

}  // namespace cli
