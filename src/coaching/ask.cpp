#include "coaching/ask.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "coaching/tenants.hpp"

namespace coaching {

void address(llm::Request& request, const Account& account) {
  request.topic = account.topic;
  request.tier = account.tier;
  request.reference = account.reference;
}

base::Task<llm::Reply> ask_unsettled(const Coaching& coaching, const Account& account, llm::Request& request,
                                     const llm::Sink& sink, std::vector<Charge>& charges) {
  address(request, account);
  std::size_t streamed = 0;
  llm::Sink counting;
  if (sink) {
    counting = [&](std::string_view text) {
      streamed += text.size();
      sink(text);
    };
  }
  std::exception_ptr failure;
  llm::Reply reply;
  try {
    reply = co_await coaching.provider.complete(request, counting);
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (failure) {
    charge_failure(coaching, request, failure, streamed, charges);
    std::rethrow_exception(failure);
  }
  charge_reply(coaching, request.purpose, reply, charges);
  co_return reply;
}

base::Task<llm::Reply> ask_model(const Coaching& coaching, const Account& account, llm::Request& request,
                                 const llm::Sink& sink, std::vector<Charge>* charges) {
  address(request, account);
  co_await list_tenant(coaching, account.owner.tenant_id);
  std::optional<Hold> held;
  if (has_budgets(coaching, account.tier)) held = co_await hold(coaching, account, coaching.provider.quote(request));
  std::vector<Charge> made;
  std::exception_ptr failure;
  llm::Reply reply;
  try {
    reply = co_await ask_unsettled(coaching, account, request, sink, made);
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  if (charges != nullptr && !held && !failure) {
    charges->insert(charges->end(), made.begin(), made.end());
    co_return reply;
  }
  // A caller that has gone changes nothing about what the call has cost.
  co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
  co_await settle_hold(coaching, account, std::move(held), std::move(made));
  co_await boost::asio::this_coro::reset_cancellation_state();
  if (failure) std::rethrow_exception(failure);
  co_return reply;
}

}  // namespace coaching
