#pragma once
// What requests by OpenAI's two APIs have in common, and what differs from server to server. Bodies are written as text,
// without a tree in between: a conversation is large, and asked about on every turn. No I/O in here.
#include <string>
#include <string_view>

#include "llm/catalogue.hpp"
#include "llm/openai.hpp"
#include "llm/provider.hpp"

namespace llm {

// What is sent to a server besides the conversation, decided once from the model and the options.
struct OpenAiDialect {
  std::string model;  // as the server names it
  std::string token_parameter;  // of chat completions: "max_tokens" or "max_completion_tokens"
  std::string reasoning_effort;  // "": the model's own
  AnswerRoom room;
  StructuredOutput structured = StructuredOutput::schema;
  bool says_temperature = true;
  bool says_store = false;  // to chat completions; to the Responses API it is always said
  bool store = false;
  bool says_cache_key = false;
  bool says_obfuscation = false;  // asks for a stream without padding
};

// `host` tells OpenAI itself from other servers that vendor openai is pointed at: a gateway, or an Ollama.
OpenAiDialect openai_dialect(const Model& model, const OpenAiOptions& options, std::string_view host);
OpenAiDialect azure_dialect(const Model& model);
OpenAiDialect compatible_dialect(const Model& model);

// {"role": …, "content": …} of each, separated by commas, after the '[' at the end of `out`.
void append_message(std::string& out, std::string_view role, std::string_view content);
// Summary, messages and guidance. The guidance comes last, so that the beginning stays the same from call to call and can
// be cached. Some servers refuse a conversation without any message of the user: then it is the user's.
void append_conversation(std::string& out, const OpenAiDialect& dialect, const Request& request);

// "name":…,"strict":true,"schema":… with `member` as the name of the last.
void append_schema(std::string& out, const Request& request, const char* member);
std::string_view schema_name(const Request& request);

bool asks_for(StructuredOutput form, const OpenAiDialect& dialect, const Request& request);

// Members that both APIs know: the temperature, "store", "prompt_cache_key".
void append_temperature(std::string& out, const OpenAiDialect& dialect, const Request& request);
void append_store(std::string& out, const OpenAiDialect& dialect);
void append_cache_key(std::string& out, const OpenAiDialect& dialect, const Request& request);

// Room for the body: one allocation for most.
void reserve_body(std::string& out, const Request& request);

// Where calls with the same beginning are brought together to share a cache: the same for all users of a topic, and of
// none of them.
std::string prompt_cache_key(const Request& request);

}  // namespace llm
