#pragma once
// A topic is a folder of data: what a coaching program or an analysis asks, says and returns. Adding one needs no code.
// docs/topics.md describes the folder and the variables that coaching provides.
#include <boost/describe.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "coaching/template.hpp"

namespace coaching {

enum class TopicKind { conversation, analysis };
BOOST_DESCRIBE_ENUM(TopicKind, conversation, analysis)

// A variable that templates may use, and where its value comes from. A value that is absent is null in a template: it
// renders as nothing, and a section over it is skipped.
struct Parameter {
  std::string name;  // as in {{name}}
  std::string source;  // request | user | business.<path> | website[.<member>] | conversation | computed
  std::string type;  // string | number | boolean | list | object
  bool required = false;  // a missing value refuses the request (source request) or makes the prompt fail
  boost::json::value default_value;  // null for none
  std::string description;
  bool shared = false;  // from topics/_shared/parameters.yaml: every topic has it
};
BOOST_DESCRIBE_STRUCT(Parameter, (), (name, source, type, required, default_value, description))

// One of introduction, exploration, deepening, synthesis, validation, completion, in that order.
struct TopicPhase {
  std::string name;
  std::string goal;
  std::vector<std::string> exit_criteria;  // for the model and for people
  int min_turns = 0;  // messages of the coachee in this phase before an assessment may leave it
  int max_turns = 0;  // after this many the rules move on by themselves; 0: never
};
BOOST_DESCRIBE_STRUCT(TopicPhase, (), (name, goal, exit_criteria, min_turns, max_turns))

struct Topic {
  std::string id;  // folder name: [a-z][a-z0-9_]*
  std::string scope;  // who published it: a tenant, "*" for all tenants, "" for the built-in
  std::int64_t version = 0;  // of that scope; 0: the built-in, which changes with the binary or the folder
  std::string hash;  // of its files and the shared ones
  std::string revision;  // what the author says about it; nothing depends on it
  TopicKind kind = TopicKind::conversation;
  std::string name;
  std::string description;  // one sentence, for lists
  std::string category;  // of an analysis, to group lists by; "" for none
  std::string tier = "free";  // the lowest that may use it: free, basic, premium, ultimate
  int max_turns = 0;  // messages of the coachee; 0: the configuration's limit
  std::vector<TopicPhase> phases;  // empty for an analysis
  std::vector<Parameter> parameters;

  // Conversation: all of them. Analysis: system, and as extraction its instruction.md, the message that holds the data
  // and asks for the result.
  Template system;  // system.md and _shared/conduct.md (analysis.md); uses nothing that changes from turn to turn
  Template initiation;  // the instruction for the first message
  Template resume;  // the instruction for the welcome back
  Template extraction;  // the instruction for the structured result
  Template assessment;  // shared by all conversations: topics/_shared/assessment.md
  Template summary;  // the same: topics/_shared/summary.md

  boost::json::value request_schema;  // of `context` in initiate, or of an analysis' request body
  boost::json::value result_schema;  // inside the subset of strict structured output
  boost::json::value assessment_schema;  // topics/_shared/assessment.schema.json
  boost::json::value offline;  // the script of the offline coach: llm::Request::script
  std::string offline_source;  // its YAML, for the lines in the lint's messages; "" when it came as JSON
  boost::json::value example;  // of an analysis: {"request": …}; null for none

  const Parameter* parameter(std::string_view parameter_name) const;  // nullptr when not declared
  const TopicPhase* phase(std::string_view phase_name) const;  // nullptr when there is none
};

// The value of a parameter of source `computed`: "topic_name", or "phases" as [{name, goal, exit_criteria}]. Throws
// Error{internal_error} for a name it does not know; lint refuses such a topic before.
boost::json::value computed_value(const Topic& topic, std::string_view parameter_name);

// The texts of one topic folder by file name ("topic.json" or "topic.yaml", "system.md", …), or of _shared.
using TopicFiles = std::map<std::string, std::string, std::less<>>;

// Hex SHA-256 over names and texts.
std::string hash_files(const TopicFiles& files, const TopicFiles& shared);

// Loads once, then never changes: any thread may read, and a conversation may keep the pointer it began with. What comes
// from a folder is read now, so that a fault is told at the start; a topic of the binary, which was checked when it was
// built, when it is first asked for.
class Topics {
 public:
  // What travels in the binary; then the folders of `directory` (YAML read now), which replace those of the same id.
  // "" for none. Throws Error{validation_error} naming file and line.
  static Topics load(const std::string& directory = "");

  Topics(Topics&&) noexcept;
  Topics& operator=(Topics&&) noexcept;
  ~Topics();

  std::shared_ptr<const Topic> find(std::string_view id) const;  // nullptr when there is none
  std::vector<std::string> ids() const;  // in byte order
  std::vector<std::shared_ptr<const Topic>> all() const;  // by id
  // What its author wrote, with the texts that all topics share as "_shared/conduct.md"; empty when there is none.
  TopicFiles files(std::string_view id) const;
  // What a new version of a topic shares with the others: the folder's, else the binary's.
  const TopicFiles& shared_files() const { return shared_; }

 private:
  struct Slot;
  Topics();
  static std::shared_ptr<const Topic> topic_of(const std::string& id, Slot& slot);

  TopicFiles shared_;
  std::map<std::string, TopicFiles, std::less<>> folder_files_;  // of the topics of the folder
  std::map<std::string, std::unique_ptr<Slot>, std::less<>> slots_;
};

// `origin` is how error messages name the folder.
Topic read_topic(const TopicFiles& files, const TopicFiles& shared, std::string_view origin);
// A folder on disk; throws Error{validation_error} when it cannot be read. Files over 1 MB are refused.
TopicFiles read_topic_folder(const std::string& directory);
// The _shared of a folder of topics, else the binary's, as their author wrote them.
TopicFiles shared_topic_files(const std::string& directory);
// Of what a folder is made of: nothing else belongs to a topic.
bool is_topic_file(std::string_view name);

}  // namespace coaching
