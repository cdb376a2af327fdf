#pragma once
// What every vendor's request begins with, checked once when the provider is made.
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "llm/catalogue.hpp"
#include "llm/provider.hpp"
#include "net/http_client.hpp"

namespace llm {

// All but the body and what depends on the call.
net::HttpRequest post_to(net::Url url);

// Throws Error{validation_error} when no model is named.
void need_model(const Model& model, std::string_view server);

// Adds the key as the header of that name; nothing when it is empty. Throws Error{validation_error} when it cannot be one.
void add_key(net::HttpRequest& request, std::string_view header, const base::Secret& key);

// The guidance of this call, with the schema of the answer in words where the model is told in no other way.
std::string guidance_for(StructuredOutput structured, const Request& request);

// The tool that a model has to call with its answer: a name that every vendor takes, "answer" when the request has none.
std::string answer_name(const Request& request);

}  // namespace llm
