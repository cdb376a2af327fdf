#pragma once
// The models that can be asked, for administrators.
#include "http/api.hpp"
#include "llm/router.hpp"

namespace http {

base::json::value to_json(const llm::ModelState& state);

// `router` must outlive the handlers.
void add_models(Handlers& handlers, llm::Router& router);

}  // namespace http
