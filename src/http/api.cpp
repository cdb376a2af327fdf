#include "http/api.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace http {
namespace {

const base::json::value* member_of(const base::json::value& body, std::string_view name) {
  const auto* object = body.if_object();
  return object != nullptr ? object->if_contains(name) : nullptr;
}

const Caller& nobody() {
  static const Caller caller;
  return caller;
}

}  // namespace

std::string Call::text(std::string_view member, std::string_view fallback) const {
  const auto* value = member_of(input.body, member);
  return std::string(value != nullptr && value->is_string() ? std::string_view(value->get_string()) : fallback);
}

base::json::object Call::object(std::string_view member) const {
  const auto* value = member_of(input.body, member);
  return value != nullptr && value->is_object() ? value->get_object() : base::json::object();
}

std::string Call::text_parameter(std::string_view name) const {
  const auto* value = input.parameters.if_contains(name);
  return std::string(value != nullptr && value->is_string() ? std::string_view(value->get_string()) : "");
}

std::int64_t Call::number_parameter(std::string_view name) const {
  return input.parameters.at(name).to_number<std::int64_t>();
}

bool Call::flag_parameter(std::string_view name) const { return input.parameters.at(name).as_bool(); }

base::PrivateText Call::token() const {
  return base::PrivateText(std::string(bearer_token(request.header("authorization"))));
}

Api::Api(const Contract& contract, Handlers handlers, TokenVerifier& tokens, RateLimiter& limits, telemetry::Log& log)
    : contract_(contract), tokens_(tokens), limits_(limits), log_(log) {
  for (const auto& operation : contract.operations()) {
    const auto handler = handlers.extract(operation.id);
    if (handler.empty()) {
      throw base::Error(base::Code::internal_error,
                        fmt::format("the contract's operation {} has no handler", operation.id));
    }
    router_.add(operation.method, operation.path, Endpoint{&operation, std::move(handler.mapped()), {}});
  }
  if (!handlers.empty()) {
    throw base::Error(base::Code::internal_error,
                      fmt::format("the contract knows no operation {}", handlers.begin()->first));
  }
}

void Api::add_open_route(std::string method, std::string pattern, OpenHandler handler) {
  router_.add(std::move(method), std::move(pattern), Endpoint{nullptr, {}, std::move(handler)});
}

std::shared_ptr<const Caller> Api::authenticate(const Operation& operation, const Request& request) const {
  if (operation.is_public) return nullptr;
  try {
    auto caller = tokens_.verify(bearer_token(request.header("authorization")));
    if (!operation.role.empty()) require_role(*caller, operation.role);
    return caller;
  } catch (const base::Error& error) {
    if (error.code == base::Code::invalid_token) {
      const auto decision = limits_.take_failed_token(request.remote);
      if (!decision.allowed) throw rate_limit_error(decision);
    }
    throw;
  }
}

base::Task<Response> Api::handle(Request& request) const {
  const auto& endpoint = router_.match(request).target;
  if (endpoint.operation == nullptr) co_return co_await endpoint.open_handler(request);
  const auto caller = authenticate(*endpoint.operation, request);
  RateDecision decision;
  if (caller) {
    request.notes.user_id = caller->user_id;
    request.notes.tenant_id = caller->tenant_id;
    decision = limits_.take(*caller, endpoint.operation->rate_class);
    if (!decision.allowed) {
      auto response = to_response(rate_limit_error(decision), request.id);
      request.notes.error = base::to_string(base::Code::rate_limit_exceeded);
      add_rate_limit_headers(decision, response.headers);
      co_return response;
    }
  }
  Response response;
  try {
    auto input = contract_.check(*endpoint.operation, request);
    response = co_await endpoint.handler(Call{request, caller ? *caller : nobody(), input});
  } catch (const base::Error& error) {
    // The server logs what must not be shown; all else is answered here, so that it tells what is left of the limit too.
    if (error.code == base::Code::internal_error) throw;
    response = to_response(error, request.id);
    request.notes.error = base::to_string(error.code);
    // What a client is not told: which server, which status, which wait.
    if (response.status > 500) {
      log_.write(telemetry::Level::warn, "request_failed",
                 {{"request_id", request.id}, {"error", base::to_string(error.code)}, {"reason", error.message}});
    }
  }
  add_rate_limit_headers(decision, response.headers);
  co_return response;
}

}  // namespace http
