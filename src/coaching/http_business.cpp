#include "coaching/http_business.hpp"

#include <fmt/format.h>

#include "coaching/business_wire.hpp"
#include "net/failure.hpp"
#include "telemetry/tracer.hpp"

namespace coaching {
namespace {

using base::Code;
using base::Error;
using base::Task;

constexpr base::Milliseconds kHealthFor{10'000};
constexpr int kNotFound = 404;
constexpr int kServerError = 500;

net::Url url_of(std::string_view text, std::string_view option) {
  if (text.empty()) {
    throw Error(Code::validation_error,
                fmt::format("{} has no value; with business.provider=http it names the Business API", option));
  }
  try {
    return net::parse_url(text);
  } catch (const Error& error) {
    throw Error(Code::validation_error, fmt::format("{}: {}", option, error.message));
  }
}

// What the metric and the log call it.
Error failed(Code code, std::string_view reason, std::string message) {
  return {code, std::move(message), base::json::object{{"reason", reason}}};
}

Error wrong_status(int status) {
  if (status == 401 || status == 403) {
    return failed(Code::forbidden, "refused", fmt::format("the Business API refuses this caller ({})", status));
  }
  return failed(Code::dependency_unavailable, status >= kServerError ? "server_error" : "status",
                fmt::format("the Business API answered {}", status));
}

Error no_answer(const Error& error) {
  const auto* reason = net::timed_out(error)                              ? "timeout"
                       : net::failed_stage(error) == net::Stage::response ? "malformed"
                                                                          : "unreachable";
  return failed(Code::dependency_unavailable, reason, "the Business API did not answer: " + error.message);
}

std::string_view reason_of(const Error& error) {
  const auto* details = error.details.if_object();
  const auto* reason = details == nullptr ? nullptr : details->if_contains("reason");
  return reason != nullptr && reason->is_string() ? std::string_view(reason->get_string()) : "unreachable";
}

// What the caller may not have, or what is not there, is no sign that the server is broken.
bool speaks_against(const Error& error) { return error.code != Code::forbidden && reason_of(error) != "status"; }

bool is_json(const net::HttpResponse& response) {
  return base::to_lower(response.headers.find("content-type")).find("json") != std::string::npos;
}

}  // namespace

HttpBusiness::HttpBusiness(const BusinessOptions& options, BusinessDependencies dependencies)
    : options_(options),
      deps_(dependencies),
      url_(url_of(options.base_url, "business.base_url")),
      account_url_(options.account_url.empty() ? url_ : url_of(options.account_url, "business.account_url")),
      breaker_(options.circuit_breaker, dependencies.clock) {}

net::HttpRequest HttpBusiness::request_for(const BusinessQuery& query) const {
  const auto timeout = options_.timeout;
  net::HttpRequest request;
  request.url = net::join_path(query.section == BusinessSection::profile ? account_url_ : url_,
                               business_target(query.section, query.id));
  request.headers = {{"Accept", "application/json"},
                     {"Accept-Encoding", "identity"},
                     {"X-Tenant-Id", query.owner.tenant_id},
                     {"Authorization", "Bearer " + query.token.reveal()}};
  if (query.trace) request.headers.emplace_back("traceparent", query.trace.traceparent());
  request.timeouts = {.connect = timeout, .first_byte = timeout, .idle = timeout, .total = timeout};
  request.max_body_bytes = options_.max_bytes;
  return request;
}

void HttpBusiness::count(const BusinessQuery& query, std::string_view outcome) {
  deps_.metrics
      .counter("purposepath_business_requests_total", "Calls to the Business API, by section and outcome.",
               {{"section", std::string(base::name_of(query.section))}, {"outcome", std::string(outcome)}})
      .add();
  deps_.metrics.gauge("purposepath_business_circuit_open", "1 while the Business API is left alone because it failed.")
      .set(breaker_.state() == net::CircuitState::closed ? 0 : 1);
}

// A foundation or a profile that nobody has written yet is no failure; a list that is not found is one.
Task<base::json::value> HttpBusiness::call(const BusinessQuery& query) {
  const auto request = request_for(query);
  net::HttpResponse response;
  try {
    response = co_await deps_.http.send(request);
  } catch (const Error& error) {
    throw no_answer(error);
  }
  const bool one = !query.id.empty();
  if (response.status == kNotFound && is_json(response) && (one || !is_list(query.section))) co_return nullptr;
  if (response.status != 200) throw wrong_status(response.status);
  co_return read_business_answer(query.section, one, response.body);
}

// While one call tries a server that had failed, the others wait for what comes of it: a context is many calls at once,
// and all but one of them would go without.
Task<std::optional<net::CircuitBreaker::Permit>> HttpBusiness::enter() {
  if (auto permit = breaker_.enter()) co_return permit;
  if (breaker_.state() != net::CircuitState::half_open) co_return std::nullopt;
  auto ticket = told_.draw(co_await boost::asio::this_coro::executor);
  if (breaker_.state() == net::CircuitState::half_open) co_await ticket.wait(options_.timeout);
  co_return breaker_.enter();
}

Task<BusinessData> HttpBusiness::read(BusinessQuery query) {
  if (query.token.empty()) {
    count(query, "no_token");
    throw failed(Code::dependency_unavailable, "no_token", "the Business API is asked for somebody with a token alone");
  }
  auto permit = co_await enter();
  if (!permit) {
    count(query, "circuit_open");
    throw failed(Code::dependency_unavailable, "circuit_open", "the Business API has failed too often and rests");
  }
  telemetry::Span span(query.trace, telemetry::SpanKind::client, "business", base::name_of(query.section));
  query.trace = span.trace();
  span.set(telemetry::SpanKey::section, base::name_of(query.section));
  try {
    auto value = co_await call(query);
    permit->succeeded();
    told_.ring();
    count(query, value.is_null() ? "empty" : "ok");
    span.end();
    co_return BusinessData{std::make_shared<const base::json::value>(std::move(value)), false};
  } catch (const Error& error) {
    speaks_against(error) ? permit->failed() : permit->succeeded();
    told_.ring();
    count(query, reason_of(error));
    span.fail(reason_of(error));
    span.end();
    deps_.log.write(telemetry::Level::warn, "business_read_failed",
                    {{"tenant_id", query.owner.tenant_id},
                     {"section", base::name_of(query.section)},
                     {"error", reason_of(error)},
                     {"reason", error.message}});
    throw;
  }
}

Task<BusinessHealth> HttpBusiness::ask_health() {
  net::HttpRequest request;
  request.url = net::join_path(url_, business_target(BusinessSection::foundation, ""));
  request.headers = {{"Accept", "application/json"}};
  const auto timeout = options_.timeout;
  request.timeouts = {.connect = timeout, .first_byte = timeout, .idle = timeout, .total = timeout};
  request.max_body_bytes = options_.max_bytes;
  try {
    const auto response = co_await deps_.http.send(request);
    if (response.status < kServerError) co_return BusinessHealth{BusinessHealth::State::healthy, ""};
    co_return BusinessHealth{BusinessHealth::State::unhealthy, fmt::format("answers {}", response.status)};
  } catch (const Error& error) {
    co_return BusinessHealth{BusinessHealth::State::unhealthy,
                             net::timed_out(error) ? "no answer in time" : "cannot be reached"};
  }
}

Task<BusinessHealth> HttpBusiness::health() {
  if (breaker_.state() == net::CircuitState::open) {
    co_return BusinessHealth{BusinessHealth::State::unhealthy, "failed too often, rests"};
  }
  {
    const std::scoped_lock lock(mutex_);
    if (last_health_ && deps_.clock.now() - asked_health_ < kHealthFor) co_return *last_health_;
    asked_health_ = deps_.clock.now();
  }
  auto health = co_await ask_health();
  if (breaker_.state() != net::CircuitState::closed && health.state == BusinessHealth::State::healthy) {
    health = {BusinessHealth::State::degraded, "failed too often, is being tried"};
  }
  const std::scoped_lock lock(mutex_);
  last_health_ = health;
  co_return health;
}

}  // namespace coaching
