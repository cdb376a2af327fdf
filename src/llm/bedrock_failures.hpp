#pragma once
// What Bedrock's errors mean (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_Errors).
// Its messages may quote what was said: they are looked at here and go nowhere.
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "net/headers.hpp"

namespace llm {

// For an answer with a status other than 200: llm_unavailable with the wait that was asked for, llm_timeout, or
// llm_error with advice.
base::Error bedrock_failure(int status, const net::Headers& headers, std::string_view body, std::string_view server,
                            base::Time now);

// For an exception in a stream whose status was 200 long ago; `type` as the stream spells it.
base::Error bedrock_stream_failure(std::string_view type, std::string_view server);

// What can be done at once about a refusal, besides waiting.
enum class Remedy { none, new_credentials, tool_for_schema, no_count };
Remedy bedrock_remedy(int status, const net::Headers& headers, std::string_view body);

}  // namespace llm
