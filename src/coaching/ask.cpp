#include "coaching/ask.hpp"

namespace coaching {

Account account_of(const Conversation& conversation) {
  return {conversation.owner, conversation.topic, conversation.tier, conversation.conversation_id};
}

base::Task<llm::Reply> ask_model(const Coaching& coaching, const Account& account, llm::Request& request,
                                 const llm::Sink& sink) {
  request.topic = account.topic;
  request.tier = account.tier;
  request.reference = account.reference;
  co_return co_await coaching.provider.complete(request, sink);
}

}  // namespace coaching
