#include "http/system.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/embedded.hpp"
#include "base/error.hpp"

namespace http {
namespace {

namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;

// FNV-1a: an entity tag has to differ when the file differs, nobody attacks it.
std::string tag_of(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("\"{:016x}\"", hash);
}

// The body, or 304 when the client has it.
Response file(const Request& request, std::string_view bytes, std::string_view content_type, const std::string& tag) {
  Response response;
  response.headers = {{"ETag", tag}, {"Cache-Control", "no-cache"}};
  if (request.header("if-none-match").find(tag) != std::string_view::npos) {
    response.status = 304;
    response.content_type.clear();
    return response;
  }
  response.content_type = content_type;
  response.body = bytes;
  return response;
}

std::string_view content_type_of(std::string_view path) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kTypes{
      {{".html", "text/html; charset=utf-8"},
       {".css", "text/css; charset=utf-8"},
       {".js", "text/javascript; charset=utf-8"},
       {".json", "application/json"},
       {".map", "application/json"},
       {".svg", "image/svg+xml"},
       {".png", "image/png"},
       {".ico", "image/x-icon"},
       {".woff2", "font/woff2"},
       {".txt", "text/plain; charset=utf-8"}}};
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

struct Checked {
  DependencyHealth health{DependencyState::unhealthy, "no answer in time"};
  double latency_ms = 0;
};

// Shared with checks that go on after nobody waits for them any more.
struct Checks {
  Checks(const asio::any_io_executor& executor, std::size_t count)
      : all_done(executor), results(count), waiting(count) {}
  asio::steady_timer all_done;
  std::vector<Checked> results;
  std::size_t waiting;
};

base::Task<> check(const Dependency& dependency, std::shared_ptr<Checks> checks, std::size_t at) {
  auto& result = checks->results[at];
  if (dependency.check) {
    const auto began = Steady::now();
    DependencyHealth health;
    try {
      health = co_await dependency.check();
    } catch (const std::exception&) {
      health = {DependencyState::unhealthy, "the check failed"};
    }
    result.health = std::move(health);
    result.latency_ms = std::chrono::duration<double, std::milli>(Steady::now() - began).count();
  } else {
    result.health = {DependencyState::not_configured, ""};
  }
  if (--checks->waiting == 0) checks->all_done.cancel();
}

Response report(const std::vector<Dependency>& dependencies, const std::vector<Checked>& results,
                const SystemInfo& info) {
  base::json::object list;
  auto overall = DependencyState::healthy;
  for (std::size_t i = 0; i < dependencies.size(); ++i) {
    const auto& [health, latency_ms] = results[i];
    base::json::object entry{{"status", base::name_of(health.state)}};
    if (health.state != DependencyState::not_configured) entry["latency_ms"] = latency_ms;
    if (!health.reason.empty()) entry["reason"] = health.reason;
    list.emplace(dependencies[i].name, std::move(entry));
    if (health.state == DependencyState::not_configured || health.state == DependencyState::healthy) continue;
    const bool fatal = health.state == DependencyState::unhealthy && dependencies[i].required;
    overall = std::max(overall, fatal ? DependencyState::unhealthy : DependencyState::degraded);
  }
  return Response::json(overall == DependencyState::unhealthy ? 503 : 200, {{"status", base::name_of(overall)},
                                                                            {"version", PURPOSEPATH_VERSION},
                                                                            {"stage", info.stage},
                                                                            {"dependencies", std::move(list)}});
}

}  // namespace

Dependency store_dependency(store::Store& store) {
  return {"store", [&store]() -> base::Task<DependencyHealth> {
            auto health = co_await store.health();
            co_return DependencyHealth{health.healthy ? DependencyState::healthy : DependencyState::unhealthy,
                                       std::move(health.reason)};
          }};
}

Dependency model_dependency(llm::Provider& provider) {
  return {"llm", [&provider]() -> base::Task<DependencyHealth> {
            auto health = co_await provider.health();
            using enum llm::Health::State;
            const auto state = health.state == healthy    ? DependencyState::healthy
                               : health.state == degraded ? DependencyState::degraded
                                                          : DependencyState::unhealthy;
            co_return DependencyHealth{state, std::move(health.reason)};
          }};
}

System::System(SystemInfo info, std::vector<Dependency> dependencies, const telemetry::Registry& metrics)
    : info_(std::move(info)), dependencies_(std::move(dependencies)), metrics_(metrics) {}

std::vector<System::Route> System::routes() {
  const auto at_once = [](auto answer) -> Handler {
    return [answer](const Request& request) -> base::Task<Response> { co_return answer(request); };
  };
  const auto health_now = at_once([this](const Request&) { return health(); });
  const auto docs_now = at_once([this](const Request& request) { return docs(request); });
  return {{"GET", "/", at_once([this](const Request&) { return root(); })},
          {"GET", "/health", health_now},
          {"GET", "/api/v1/health", health_now},
          {"GET", "/api/v1/health/ready", [this](const Request&) { return ready(); }},
          {"GET", "/metrics", at_once([this](const Request&) { return metrics(); })},
          {"GET", "/openapi.json", at_once([this](const Request& request) { return openapi(request); })},
          {"GET", "/docs", docs_now},
          {"GET", "/docs/{file...}", docs_now}};
}

Response System::root() const {
  return Response::json(200, {{"name", "PurposePath"},
                              {"version", PURPOSEPATH_VERSION},
                              {"stage", info_.stage},
                              {"links",
                               {{"docs", "/docs"},
                                {"openapi", "/openapi.json"},
                                {"health", "/api/v1/health"},
                                {"ready", "/api/v1/health/ready"},
                                {"metrics", "/metrics"}}}});
}

Response System::health() const {
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(Steady::now() - started_).count();
  return Response::json(
      200, {{"status", "healthy"}, {"version", PURPOSEPATH_VERSION}, {"stage", info_.stage}, {"uptime_s", uptime}});
}

// The last report while it is fresh, or while somebody is making a new one.
std::optional<Response> System::remembered() {
  const std::scoped_lock lock(mutex_);
  if (report_ && (checking_ || Steady::now() - report_->made < info_.remember)) return report_->response;
  checking_ = true;
  return std::nullopt;
}

base::Task<Response> System::ready() {
  if (auto known = remembered()) co_return std::move(*known);
  auto response = co_await check_all();
  const std::scoped_lock lock(mutex_);
  report_ = Report{response, Steady::now()};
  checking_ = false;
  co_return response;
}

base::Task<Response> System::check_all() {
  const auto executor = co_await asio::this_coro::executor;
  const auto checks = std::make_shared<Checks>(executor, dependencies_.size());
  checks->all_done.expires_after(info_.patience);
  for (std::size_t i = 0; i < dependencies_.size(); ++i) {
    asio::co_spawn(executor, check(dependencies_[i], checks, i), asio::detached);
  }
  // The checks run on this thread, after this coroutine has begun to wait.
  if (checks->waiting > 0) co_await checks->all_done.async_wait(asio::as_tuple(asio::use_awaitable));
  for (auto& result : checks->results) {
    if (result.latency_ms == 0 && result.health.state == DependencyState::unhealthy) {
      result.latency_ms = static_cast<double>(info_.patience.count());
    }
  }
  co_return report(dependencies_, checks->results, info_);
}

Response System::metrics() const {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = metrics_.prometheus_text();
  return response;
}

Response System::openapi(const Request& request) const {
  std::call_once(openapi_made_, [this] {
    openapi_ = info_.openapi_json();
    openapi_tag_ = tag_of(openapi_);
  });
  return file(request, openapi_, "application/json", openapi_tag_);
}

Response System::docs(const Request& request) const {
  if (request.path == "/docs") {
    // Relative links of the page need the slash.
    auto moved = Response::no_content();
    moved.status = 308;
    moved.headers = {{"Location", "/docs/"}};
    return moved;
  }
  const auto name = request.path_value("file");
  const auto path = fmt::format("docs/{}", name.empty() ? "index.html" : name);
  const auto bytes = base::embedded(path);
  if (!bytes) throw base::Error(base::Code::not_found, "there is no such file; the documentation begins at /docs/");
  const std::scoped_lock lock(tags_mutex_);
  auto& tag = tags_[path];
  if (tag.empty()) tag = tag_of(*bytes);
  return file(request, *bytes, content_type_of(path), tag);
}

}  // namespace http
