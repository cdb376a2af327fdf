#include "llm/routed_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "base/json.hpp"
#include "llm/call_spans.hpp"
#include "telemetry/log.hpp"

namespace llm {
namespace {

using base::Milliseconds;
using base::Task;

template <class Duration>
Milliseconds to_ms(Duration duration) {
  return std::chrono::duration_cast<Milliseconds>(duration);
}

Task<void> sleep_for(Milliseconds delay) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, delay);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

// "gpt-6-luna llm_unavailable (503), gpt-6-luna ok"
std::string words(const Trail& trail, std::size_t from) {
  std::string text;
  for (auto i = from; i < trail.size(); ++i) {
    const auto& one = trail[i];
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", one.model, one.outcome);
    if (!one.reason.empty()) text += fmt::format(" ({})", one.reason);
  }
  return text;
}

bool is_unreported(const Usage& usage) { return usage.prompt_tokens == 0 && usage.completion_tokens == 0; }

// Too many requests are no sign that the server is broken.
bool speaks_against(const base::Error& error) {
  const auto remedy = remedy_for(error);
  return remedy != Remedy::none && !(remedy == Remedy::retry && reason_of(error).starts_with("429"));
}

}  // namespace

RoutedCall::RoutedCall(const LlmOptions& options, const ProviderDependencies& deps, const Request& request,
                       const Sink& sink)
    : options_(options),
      deps_(deps),
      request_(request),
      sink_(sink),
      total_(request.timeouts.total),
      trace_(request.trace),
      begin_(Steady::now()),
      prompt_tokens_(estimate_prompt(request)),
      trail_(request.trail != nullptr ? *request.trail : own_trail_),
      first_try_(trail_.size()) {}

Milliseconds RoutedCall::left() const { return total_ - to_ms(Steady::now() - begin_); }

Task<Reply> RoutedCall::run(std::span<Upstream* const> chain) {
  span_ = begin_call_span(request_, chain.front()->model, begin_);
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const bool has_fallback = i + 1 < chain.size();
    auto reply = co_await ask(*chain[i], has_fallback);
    if (reply) {
      finish(*chain[i], *reply);
      co_return std::move(*reply);
    }
    if (is_over() || !has_fallback) {
      report(*chain[i], nullptr);
      break;
    }
    chain[i]->meters.fallbacks.add();
  }
  throw base::Error(*failure_);
}

Task<std::optional<Reply>> RoutedCall::ask(Upstream& upstream, bool has_fallback) {
  upstream.budget.call();
  Milliseconds waited{0};
  for (int failures = 1;; ++failures) {
    auto reply = co_await try_once(upstream, waited);
    if (reply || is_over() || remedy_ != Remedy::retry) co_return reply;
    const auto delay = wait_before_retry(upstream, failures, has_fallback);
    if (!delay) co_return std::nullopt;
    upstream.meters.retries.add();
    waited = *delay;
    co_await sleep_for(waited);
  }
}

Task<std::optional<Reply>> RoutedCall::try_once(Upstream& upstream, Milliseconds waited) {
  Try tried{.model = upstream.model.code, .outcome = "ok", .waited = waited};
  telemetry::Span span(span_.trace(), telemetry::SpanKind::client, "try", tried.model);
  request_.trace = span.trace();
  auto reply = co_await make_call(upstream, tried);
  end_try_span(span, upstream.model, tried);
  trail_.push_back(std::move(tried));
  co_return reply;
}

Task<std::optional<Reply>> RoutedCall::make_call(Upstream& upstream, Try& tried) {
  auto permit = upstream.breaker.enter();
  if (!permit) {
    turned_away(tried, "circuit_open", fmt::format("the model {} has failed too often and rests", tried.model),
                upstream.breaker.rest_left());
    co_return std::nullopt;
  }
  const auto place = co_await place_at(upstream, tried);
  if (!place) co_return std::nullopt;
  const auto begin = Steady::now();
  if (total_.count() > 0) request_.timeouts.total = std::max(left(), Milliseconds(1));
  const Sink watched = [this](std::string_view text) {
    if (!std::exchange(streamed_, true)) first_text_ = Steady::now();
    sink_(text);
  };
  try {
    auto reply = co_await upstream.provider->complete(request_, sink_ ? watched : sink_);
    permit->succeeded();
    upstream.meters.breaker_open.set(0);
    tried.took = to_ms(Steady::now() - begin);
    if (streamed_) {
      tried.first_token = to_ms(first_text_ - begin);
      upstream.meters.first_text.observe(std::chrono::duration<double>(first_text_ - begin).count());
    }
    upstream.meters.ok.add();
    co_return reply;
  } catch (const base::Error& error) {
    speaks_against(error) ? permit->failed() : permit->succeeded();
    upstream.meters.breaker_open.set(upstream.breaker.state() == net::CircuitState::closed ? 0 : 1);
    tried.took = to_ms(Steady::now() - begin);
    upstream.meters.calls(error.code).add();
    failed(tried, error);
  }
  co_return std::nullopt;
}

Task<std::optional<Lane::Place>> RoutedCall::place_at(Upstream& upstream, Try& tried) {
  if (auto place = upstream.lane.try_enter()) co_return place;
  const auto began = Steady::now();
  auto patience = options_.router.queue_wait;
  if (total_.count() > 0) patience = std::clamp(left(), Milliseconds(0), patience);
  std::string_view why;
  auto place = co_await upstream.lane.enter(patience, why);
  tried.waited += to_ms(Steady::now() - began);
  if (place && upstream.breaker.state() == net::CircuitState::open) {  // it has failed others in the meantime
    place.reset();
    why = "circuit_open";
  }
  if (!place) {
    turned_away(tried, why, fmt::format("the model {} has as many calls under way as it may", tried.model),
                Milliseconds(1'000));
  }
  co_return place;
}

// Nothing was sent, so the model itself says more, should one have failed before.
void RoutedCall::turned_away(Try& tried, std::string_view reason, std::string message,
                             std::optional<Milliseconds> after) {
  tried.outcome = base::to_string(base::Code::llm_unavailable);
  tried.reason = reason;
  remedy_ = Remedy::another_model;
  if (failure_is_real_) return;
  failure_.emplace(base::Code::llm_unavailable, std::move(message));
  failure_->retry_after = after;
}

void RoutedCall::failed(Try& tried, const base::Error& error) {
  tried.outcome = base::to_string(error.code);
  tried.reason = reason_of(error);
  remedy_ = remedy_for(error);
  failure_ = error;
  failure_is_real_ = true;
}

std::optional<Milliseconds> RoutedCall::wait_before_retry(Upstream& upstream, int failures, bool has_fallback) {
  if (failures >= options_.retry.attempts) return {};
  auto backoff = options_.retry.backoff;
  if (has_fallback) backoff.patience = std::min(backoff.patience, options_.router.patience_with_fallback);
  const auto delay = net::backoff_delay(backoff, failures, failure_->retry_after, deps_.random);
  if (!delay || (total_.count() > 0 && *delay >= left()) || !upstream.budget.take()) return {};
  return delay;
}

void RoutedCall::finish(Upstream& upstream, Reply& reply) {
  if (is_unreported(reply.usage)) {
    reply.usage = {
        .prompt_tokens = prompt_tokens_, .completion_tokens = estimate_tokens(reply.text.reveal()), .estimated = true};
  }
  reply.model_code = upstream.model.code;
  reply.cost_usd = cost_usd(upstream.model.price, reply.usage);
  upstream.meters.prompt_tokens.add(static_cast<double>(reply.usage.prompt_tokens));
  upstream.meters.cached_tokens.add(static_cast<double>(reply.usage.cached_tokens));
  report(upstream, &reply);
}

void RoutedCall::report(const Upstream& upstream, const Reply* reply) {
  log(upstream, reply);
  if (reply == nullptr) span_.fail(base::to_string(failure_->code));
  end_call_span(span_, std::span(trail_).subspan(first_try_), reply);
}

void RoutedCall::log(const Upstream& upstream, const Reply* reply) const {
  using telemetry::Level;
  const auto tries = trail_.size() - first_try_;
  const auto level = reply == nullptr ? Level::warn : tries > 1 ? Level::info : Level::debug;
  if (!deps_.log.enabled(level)) return;
  Milliseconds waited{0};
  for (auto i = first_try_; i < trail_.size(); ++i) waited += trail_[i].waited;
  const auto usage = reply != nullptr ? reply->usage : Usage{};
  deps_.log.write(level, "llm_call",
                  {{"reference", request_.reference},
                   telemetry::Field::if_any("trace_id", trace_.trace_id()),
                   {"purpose", base::name_of(request_.purpose)},
                   {"topic", request_.topic},
                   {"model", upstream.model.code},
                   {"outcome", reply != nullptr ? std::string_view("ok") : base::to_string(failure_->code)},
                   {"tries", tries},
                   {"trail", words(trail_, first_try_)},
                   {"waited_ms", waited.count()},
                   {"first_text_ms", trail_.back().first_token.count()},
                   {"took_ms", to_ms(Steady::now() - begin_).count()},
                   {"prompt_tokens", usage.prompt_tokens},
                   {"cached_tokens", usage.cached_tokens},
                   {"completion_tokens", usage.completion_tokens},
                   {"cost_usd", reply != nullptr ? reply->cost_usd : 0.0},
                   {"provider_request_id", reply != nullptr ? reply->provider_request_id : std::string()}});
}

}  // namespace llm
