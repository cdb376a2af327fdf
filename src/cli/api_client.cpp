#include "cli/api_client.hpp"

#include <fmt/format.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/json.hpp"
#include "net/failure.hpp"
#include "net/http_client.hpp"
#include "net/sse_decoder.hpp"

namespace cli {
namespace {

namespace asio = boost::asio;

// How often a waiting call looks whether somebody pressed Ctrl-C.
constexpr base::Milliseconds kLookForInterrupt{50};
constexpr std::size_t kMaxErrorBytes = 1024 * 1024;

// The longest calls wait for a model, two minutes by default (llm.timeouts.total), and for a second try at its result; a
// stream sends something at least every 15 s.
constexpr net::HttpTimeouts kTimeouts{.connect = base::Milliseconds(2'000),
                                      .first_byte = base::Milliseconds(300'000),
                                      .idle = base::Milliseconds(60'000),
                                      .total = base::Milliseconds(300'000)};

base::Code code_named(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(base::Code::shutting_down); ++i) {
    if (base::to_string(static_cast<base::Code>(i)) == name) return static_cast<base::Code>(i);
  }
  return base::Code::internal_error;
}

struct ErrorBody {
  std::string error;
  std::string message;
  std::string request_id;
  base::json::value details;
};
BOOST_DESCRIBE_STRUCT(ErrorBody, (), (error, message, request_id, details))

struct Fault {
  std::string field;
  std::string message;
};
BOOST_DESCRIBE_STRUCT(Fault, (), (field, message))

std::string describe_fault(const base::json::value& value) {
  if (!value.is_object()) return base::write_json(value);
  const auto fault = base::from_json<Fault>(value);
  return fmt::format("{}: {}", fault.field, fault.message);
}

[[noreturn]] void throw_error(const base::json::value& body, int status) {
  ErrorBody error;
  if (body.is_object()) base::read_json(body, error);
  if (error.error.empty())
    throw Unreachable(base::Code::llm_error, fmt::format("answered {} without a reason", status));
  auto message = fmt::format("{} ({})", error.message, error.error);
  if (error.details.is_array()) {
    for (const auto& fault : error.details.get_array()) message += "\n  " + describe_fault(fault);
  }
  throw base::Error(code_named(error.error), message, error.details);
}

base::json::value parse_body(std::string_view body) { return body.empty() ? nullptr : base::parse_json(body); }

}  // namespace

struct ApiClient::State {
  using OnEvent = ApiClient::OnEvent;

  asio::io_context context{1};
  net::HttpClient http;
  net::Url base;
  std::string token;
  const InterruptFlag* interrupt;

  net::HttpRequest request(std::string_view method, std::string_view target, const base::json::value* body) const {
    net::HttpRequest request{.method = std::string(method), .url = net::join_path(base, target), .timeouts = kTimeouts};
    if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
    if (body != nullptr) {
      request.headers.emplace_back("Content-Type", "application/json");
      request.body = base::write_json(*body);
    }
    return request;
  }

  // Runs one coroutine to its end, or until Ctrl-C, which cancels it.
  void run(base::Task<void> task) {
    std::exception_ptr failure;
    bool done = false;
    asio::cancellation_signal cancel;
    asio::co_spawn(context, std::move(task),
                   asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr thrown) {
                     failure = thrown;
                     done = true;
                   }));
    context.restart();
    bool cancelled = false;
    while (!done) {
      context.run_for(kLookForInterrupt);
      if (context.stopped()) context.restart();
      if (interrupt != nullptr && interrupt->raised() && !cancelled) {
        cancelled = true;
        cancel.emit(asio::cancellation_type::terminal);
      }
    }
    if (cancelled) throw Interrupted();
    if (failure) rethrow(failure);
  }

  void read_events(net::HttpRequest request, const OnEvent& on_event) {
    request.headers.emplace_back("Accept", "text/event-stream");
    run([](State& state, const net::HttpRequest& sent, const OnEvent& each) -> base::Task<void> {
      auto stream = co_await state.http.open(sent);
      const bool refused = stream.status() >= 400;
      std::string error;
      net::SseDecoder decoder;
      for (auto piece = co_await stream.read_some(); !piece.empty(); piece = co_await stream.read_some()) {
        if (refused) {
          error += piece.substr(0, kMaxErrorBytes - std::min(error.size(), kMaxErrorBytes));
          continue;
        }
        decoder.feed(piece);
        while (const auto* event = decoder.next()) {
          ApiEvent seen{event->type, event->id, parse_body(event->data)};
          if (seen.type == "error") throw_error(seen.data, stream.status());
          each(seen);
        }
      }
      if (refused) throw_error(parse_body(error), stream.status());
    }(*this, request, on_event));
  }

  [[noreturn]] void rethrow(const std::exception_ptr& failure) const {
    try {
      std::rethrow_exception(failure);
    } catch (const base::Error& error) {
      if (error.code != base::Code::dependency_unavailable || !net::failed_stage(error)) throw;
      throw Unreachable(error.code, fmt::format("no service at {}: {}", net::format_url(base), error.message));
    }
  }
};

ApiClient::ApiClient(const std::string& base_url, std::string token, const InterruptFlag* interrupt)
    : state_(std::make_unique<State>()) {
  state_->base = net::parse_url(base_url);
  state_->token = std::move(token);
  state_->interrupt = interrupt;
}

ApiClient::~ApiClient() = default;

ApiAnswer ApiClient::ask(std::string_view method, std::string_view target, const base::json::value* body) {
  const auto request = state_->request(method, target, body);
  net::HttpResponse response;
  state_->run([](State& state, const net::HttpRequest& sent, net::HttpResponse& out) -> base::Task<void> {
    out = co_await state.http.send(sent);
  }(*state_, request, response));
  try {
    return {response.status, parse_body(response.body)};
  } catch (const base::Error&) {
    throw Unreachable(base::Code::dependency_unavailable,
                      fmt::format("{} answered {} with something that is not JSON: is it PurposePath?",
                                  net::format_url(state_->base), response.status));
  }
}

base::json::value ApiClient::get(std::string_view target) {
  auto answer = ask("GET", target);
  if (answer.status >= 400) throw_error(answer.body, answer.status);
  return std::move(answer.body);
}

base::json::value ApiClient::post(std::string_view target, const base::json::value& body) {
  auto answer = ask("POST", target, &body);
  if (answer.status >= 400) throw_error(answer.body, answer.status);
  return std::move(answer.body);
}

base::json::value ApiClient::put(std::string_view target, const base::json::value& body) {
  auto answer = ask("PUT", target, &body);
  if (answer.status >= 400) throw_error(answer.body, answer.status);
  return std::move(answer.body);
}

void ApiClient::post_stream(std::string_view target, const base::json::value& body, std::string_view idempotency_key,
                            const OnEvent& on_event) {
  auto request = state_->request("POST", target, &body);
  request.headers.emplace_back("Idempotency-Key", idempotency_key);
  request.repeatable = true;  // the key makes it so
  state_->read_events(std::move(request), on_event);
}

void ApiClient::get_stream(std::string_view target, std::string_view last_event_id, const OnEvent& on_event) {
  auto request = state_->request("GET", target, nullptr);
  if (!last_event_id.empty()) request.headers.emplace_back("Last-Event-ID", last_event_id);
  state_->read_events(std::move(request), on_event);
}

}  // namespace cli
