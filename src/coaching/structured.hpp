#pragma once
// Structured answers of models, whose JSON may come wrapped.
#include <string_view>

#include "base/json.hpp"
#include "base/schema.hpp"

namespace coaching {

// The JSON object in a model's answer: alone, in a Markdown fence, or with chatter around it. Throws Error{llm_error}
// when there is none; never repeats the answer.
base::json::value json_in(std::string_view answer);

// Strict schemas cannot forbid an empty text, and a purpose of no words is none. What may be missing is null.
void find_blank(const base::json::value& value, const std::string& path, std::vector<base::Fault>& faults);

}  // namespace coaching
