#pragma once
// One JSON Schema, as each vendor takes it. Vendors accept different parts of JSON Schema and refuse a request with a
// keyword that they do not know; what one refuses is left out and said in the description instead, so that the model
// still knows it. Answers are checked by the whole schema afterwards, so nothing is lost but the compulsion.
//   OpenAI     https://platform.openai.com/docs/guides/structured-outputs (Supported schemas)
//   Anthropic  https://platform.claude.com/docs/en/build-with-claude/structured-outputs (JSON Schema limitations)
//   Bedrock    https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
//   Gemini     https://ai.google.dev/api/generate-content (GenerationConfig.responseJsonSchema)
// Pure functions, any thread.
#include <boost/json/value.hpp>
#include <string>

namespace llm {

enum class Dialect { openai_strict, anthropic, bedrock, gemini };

// References are resolved, $defs are gone. openai_strict lists every property as required; an optional one may be null.
// Throws Error{internal_error} for a reference that leads nowhere or in circles.
boost::json::value to_dialect(const boost::json::value& schema, Dialect dialect);

// Whether a schema in a dialect is simple enough for its vendor to compel a model by it: Anthropic's refuse more than 24
// properties that may be left out, or more than 16 that are of several types (as those that may be null are). A tool of
// the same schema, which compels nobody, has no such limit.
bool is_within_limits(const boost::json::value& translated, Dialect dialect);

// Takes those nulls out of an answer that stand for "not there": of members that are optional by `schema` and by it must
// not be null. For answers of a model that was asked with openai_strict, before they are checked by `schema`.
void remove_added_nulls(boost::json::value& answer, const boost::json::value& schema);

// For models that are told in words alone: to answer with JSON that fits `schema`, and nothing else.
std::string ask_for_json(const boost::json::value& schema);

}  // namespace llm
