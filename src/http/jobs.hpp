#pragma once
// /api/v1/jobs, and what administrators see of jobs.
#include "coaching/jobs.hpp"
#include "http/api.hpp"

namespace http {

// `coaching` must outlive the handlers.
void add_jobs(Handlers& handlers, const coaching::Coaching& coaching);

// As an operator sees it.
base::json::object admin_job_body(const coaching::Job& job);

}  // namespace http
