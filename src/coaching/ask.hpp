#pragma once
// Every question to a model that is not the reply of a turn goes through here: budgeted before, on the books after.
#include <string>

#include "coaching/conversation.hpp"
#include "coaching/options.hpp"

namespace coaching {

// Who pays for a call, and what it is for.
struct Account {
  Owner owner;
  std::string topic;
  std::string tier;
  std::string reference;  // conversation, analysis or job
};

Account account_of(const Conversation& conversation);

// Fills in the request's topic, tier and reference. Throws what Provider::complete throws, and quota_exceeded.
base::Task<llm::Reply> ask_model(const Coaching& coaching, const Account& account, llm::Request& request,
                                 const llm::Sink& sink = {});

}  // namespace coaching
