#pragma once
// Every question to a model that is not the reply of a turn goes through here: budgeted before, on the books after.
#include <string>
#include <vector>

#include "coaching/ledger.hpp"
#include "coaching/options.hpp"

namespace coaching {

// Fills in the request's topic, tier and reference.
void address(llm::Request& request, const Account& account);

// Throws what Provider::complete throws, and quota_exceeded. The charge is on the books when it returns, also when it
// throws; with `charges` it is not, but appended there for the caller to settle() in a transaction of its own, unless a
// budget was reserved or the call failed.
base::Task<llm::Reply> ask_model(const Coaching& coaching, const Account& account, llm::Request& request,
                                 const llm::Sink& sink = {}, std::vector<Charge>* charges = nullptr);

// The same without budget and books, for who has reserved already and settles: appends the charge, if the call has cost
// something, and counts it; also when it throws.
base::Task<llm::Reply> ask_unsettled(const Coaching& coaching, const Account& account, llm::Request& request,
                                     const llm::Sink& sink, std::vector<Charge>& charges);

}  // namespace coaching
