#pragma once
// Structured answers of models: JSON by a schema, which may come wrapped, broken, cut off or not at all.
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/schema.hpp"
#include "coaching/ask.hpp"
#include "llm/provider.hpp"

namespace coaching {

// The JSON object in a model's answer: alone, in Markdown fences, or with chatter around it. Throws Error{llm_error}
// when there is none, or one that says a member twice; never repeats the answer.
base::json::value json_in(std::string_view answer);

// Strict schemas cannot forbid an empty text, and a purpose of no words is none. What may be missing is null.
void find_blank(const base::json::value& value, const std::string& path, std::vector<base::Fault>& faults);

// What all calls for one answer took together.
struct Spent {
  int calls = 0;
  llm::Usage usage;
  double cost_usd = 0;
  std::string model;  // of the last reply, as the vendor names it
  std::string model_code;
};

enum class StructuredOutcome { valid, invalid, refused, cut_off };
BOOST_DESCRIBE_ENUM(StructuredOutcome, valid, invalid, refused, cut_off)

struct Structured {
  using Outcome = StructuredOutcome;
  Outcome outcome = Outcome::valid;
  base::json::value value;    // by the schema when valid, else null
  std::string fault;          // why it is not, for the model and the operator; never holds text of the answer
  std::string raw_answer_id;  // where the last answer is kept when there is no valid one; "" when valid
  Spent spent;
};

// Asks with request.schema = `schema`. An answer that does not fit (no text may be blank either) is sent back once with
// its faults; one that was cut off is asked for once more with twice the room. What has no valid answer then is kept
// for the operator (coaching/raw_answers.hpp) and logged by its id. Throws what ask_model throws, and puts what it cost
// where ask_model does. `request` is used up.
base::Task<Structured> ask_structured(const Coaching& coaching, const Account& account, llm::Request& request,
                                      const base::Schema& schema, std::vector<Charge>* charges = nullptr);

}  // namespace coaching
