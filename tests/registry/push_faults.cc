// What can go wrong with a push.

#include "tests/registry/fault_scene.h"

namespace strake::registry {
namespace {

using strake::testing::Fault;
using strake::testing::FaultProxy;
using strake::testing::SeenRequest;

// Sets the field `name` of an answer's head.
void SetField(std::string& head, const std::string& name,
              const std::string& value) {
  size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) {
    head.insert(head.size() - 2, name + ": " + value + "\r\n");
    return;
  }
  at += name.size() + 4;
  head.replace(at, head.find("\r\n", at) - at, value);
}

std::string FieldOf(const std::string& head, const std::string& name) {
  size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  at += name.size() + 4;
  return head.substr(at, head.find("\r\n", at) - at);
}

// A fault that edits the answer to `method` with `edit`.
Fault Edit(std::string method, int times,
           std::function<void(std::string& head)> edit) {
  Fault fault;
  fault.method = std::move(method);
  fault.times = times;
  fault.edit_head = std::move(edit);
  return fault;
}

void UseChunks(Scene& scene) { scene.options.upload_chunk_bytes = kTenth; }

// A reset in each tenth of the blob: of one request with everything, and of a
// chunk.
void AddResets(std::vector<FaultRow>& rows) {
  for (int tenth = 1; tenth <= 9; ++tenth) {
    const uint64_t cut = static_cast<uint64_t>(tenth) * kTenth;
    rows.push_back({.name = "reset after tenth " + std::to_string(tenth),
                    .arrange =
                        [=](Scene& scene) {
                          scene.proxy->Add(
                              {.method = "PUT", .cut_request_after = cut});
                        },
                    .again_if_lost = cut});
    rows.push_back({.name = "reset within chunk " + std::to_string(tenth),
                    .arrange =
                        [=](Scene& scene) {
                          UseChunks(scene);
                          scene.proxy->Add({.method = "PATCH",
                                            .skip = tenth - 1,
                                            .cut_request_after = kTenth / 2});
                        },
                    .again_if_lost = cut - kTenth / 2});
  }
}

void AddConnectionFaults(std::vector<FaultRow>& rows) {
  rows.push_back({.name = "refused connection",
                  .arrange = [](Scene& scene) { scene.proxy.reset(); },
                  .message = "Couldn't connect to server"});
  rows.push_back(
      {.name = "connection closed without a word", .arrange = [](Scene& scene) {
         scene.proxy->Add({.method = "POST", .cut_request_after = 0});
       }});
  rows.push_back(
      {.name = "answer to the start lost", .arrange = [](Scene& scene) {
         scene.proxy->Add({.method = "POST", .swallow_response = true});
       }});
  rows.push_back({.name = "answer to a chunk lost",
                  .arrange =
                      [](Scene& scene) {
                        UseChunks(scene);
                        scene.proxy->Add({.method = "PATCH",
                                          .skip = 3,
                                          .swallow_response = true});
                      },
                  .again_if_lost = 4 * kTenth});
  rows.push_back(
      {.name = "answer to the end lost",
       .arrange =
           [](Scene& scene) {
             scene.proxy->Add({.method = "PUT", .swallow_response = true});
           },
       .check =
           [](Scene& scene) { EXPECT_EQ(scene.proxy->Count("PUT", ""), 1); }});
  rows.push_back({.name = "stalled body",
                  .arrange =
                      [](Scene& scene) {
                        scene.LoseNoTime();
                        scene.proxy->Add(
                            {.method = "PUT", .stall_request_after = kTenth});
                      },
                  .again = kBlobBytes,
                  .again_if_lost = kBlobBytes});
  rows.push_back({.name = "no answer",
                  .arrange =
                      [](Scene& scene) {
                        scene.LoseNoTime();
                        scene.options.retry.max_retries = 0;
                        scene.proxy->Add({.method = "POST", .hang = true});
                      },
                  .message = "no byte moved for 1 s"});
  rows.push_back({.name = "something else than HTTP",
                  .arrange =
                      [](Scene& scene) {
                        scene.proxy->Add(
                            {.method = "POST", .respond = [](auto&) {
                               return std::string("SSH-2.0-OpenSSH_9.2\r\n");
                             }});
                      },
                  .message = "HTTP"});
  rows.push_back({.name = "reset at every request",
                  .arrange =
                      [](Scene& scene) {
                        for (const char* method : {"PUT", "PATCH"}) {
                          scene.proxy->Add({.method = method,
                                            .times = -1,
                                            .cut_request_after = kTenth / 100});
                        }
                      },
                  .message = "127.0.0.1",
                  .again = kBlobBytes});
}

void AddRefusals(std::vector<FaultRow>& rows) {
  for (int status : {500, 502, 503, 504}) {
    std::string number = std::to_string(status);
    rows.push_back(
        {.name = number + " once at the start", .arrange = [=](Scene& scene) {
           scene.proxy->Add(Answer("POST", "", 1, status));
         }});
    rows.push_back({.name = number + " once at the content",
                    .arrange =
                        [=](Scene& scene) {
                          scene.proxy->Add(Answer("PUT", "", 1, status));
                        },
                    .again = kBlobBytes});
    rows.push_back(
        {.name = number + " always",
         .arrange =
             [=](Scene& scene) {
               scene.proxy->Add(Answer("POST", "", -1, status));
             },
         .message = "start of the upload: the registry answered " + number,
         .check =
             [](Scene& scene) {
               EXPECT_EQ(scene.proxy->Count("POST", ""), 5);
             }});
  }
  rows.push_back(
      {.name = "403",
       .arrange =
           [](Scene& scene) {
             scene.proxy->Add(Answer("POST", "", -1, 403, {},
                                     R"({"errors":[{"code":"DENIED"}]})"));
           },
       .message = "403 Forbidden: DENIED",
       .code = ErrorCode::kUnauthorized,
       .check =
           [](Scene& scene) { EXPECT_EQ(scene.proxy->Count("POST", ""), 1); }});
  rows.push_back({.name = "429 with Retry-After", .arrange = [](Scene& scene) {
                    scene.proxy->Add(
                        Answer("POST", "", 1, 429, {"Retry-After: 0"}));
                  }});
  rows.push_back(
      {.name = "429 without Retry-After", .arrange = [](Scene& scene) {
         scene.proxy->Add(Answer("POST", "", 2, 429));
       }});
  rows.push_back(
      {.name = "429 for an hour",
       .arrange =
           [](Scene& scene) {
             scene.proxy->Add(
                 Answer("POST", "", -1, 429, {"Retry-After: 3600"}));
           },
       .message = "429 Too Many Requests (try again in 1 h)",
       .check =
           [](Scene& scene) { EXPECT_EQ(scene.proxy->Count("POST", ""), 1); }});
  rows.push_back({.name = "429 of a registry whose clock is an hour ahead",
                  .arrange = [](Scene& scene) {
                    scene.proxy->Add(
                        Answer("POST", "", 1, 429,
                               {"Date: Fri, 01 Jan 2100 10:00:00 GMT",
                                "Retry-After: Fri, 01 Jan 2100 09:59:59 GMT"}));
                  }});
  rows.push_back(
      {.name = "429 always",
       .arrange =
           [](Scene& scene) { scene.proxy->Add(Answer("POST", "", -1, 429)); },
       .message = "429 Too Many Requests"});
}

void AddSizeLimits(std::vector<FaultRow>& rows) {
  auto refuse_above = [](uint64_t bytes) {
    return [bytes](const SeenRequest& request) {
      return request.body_bytes > bytes ? FaultProxy::Response(413)
                                        : std::string();
    };
  };
  rows.push_back(
      {.name = "413 above two thirds",
       .arrange =
           [=](Scene& scene) {
             scene.proxy->Add(
                 {.times = -1, .respond = refuse_above(2 * kBlobBytes / 3)});
           },
       .again = kBlobBytes,
       .check =
           [](Scene& scene) {
             EXPECT_GE(scene.proxy->Count("PATCH", ""), 2);
           }});
  rows.push_back({.name = "413 always",
                  .arrange =
                      [=](Scene& scene) {
                        scene.proxy->Add(
                            {.times = -1, .respond = refuse_above(0)});
                      },
                  .message = "413 Payload Too Large",
                  .code = ErrorCode::kInvalidArgument,
                  .again = 2 * kBlobBytes});
  rows.push_back({.name = "PATCH refused",
                  .arrange =
                      [](Scene& scene) {
                        UseChunks(scene);
                        scene.proxy->Add(Answer("PATCH", "", -1, 405));
                      },
                  .again = kTenth,
                  .check =
                      [](Scene& scene) {
                        EXPECT_EQ(scene.proxy->Count("PATCH", ""), 1);
                      }});
  rows.push_back({.name = "smallest chunk",
                  .arrange =
                      [](Scene& scene) {
                        UseChunks(scene);
                        scene.proxy->Add(Edit("POST", 1, [](std::string& head) {
                          SetField(head, "OCI-Chunk-Min-Length", "1000000");
                        }));
                      },
                  .check =
                      [](Scene& scene) {
                        EXPECT_EQ(scene.proxy->Count("PATCH", ""), 3);
                      }});
}

void AddSessionFaults(std::vector<FaultRow>& rows) {
  auto unknown = [](const char* method, int times) {
    return Answer(method, "/uploads/", times, 404, {},
                  R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]})");
  };
  rows.push_back(
      {.name = "session lost between chunks",
       .arrange =
           [=](Scene& scene) {
             UseChunks(scene);
             Fault lost = unknown("PATCH", 1);
             lost.skip = 4;
             scene.proxy->Add(std::move(lost));
             scene.proxy->Add(unknown("GET", 1));
           },
       .again = 5 * kTenth,
       .check =
           [](Scene& scene) { EXPECT_EQ(scene.proxy->Count("POST", ""), 2); }});
  rows.push_back({.name = "session lost before the first chunk",
                  .arrange =
                      [=](Scene& scene) {
                        UseChunks(scene);
                        scene.proxy->Add(unknown("PATCH", 1));
                        scene.proxy->Add(unknown("GET", 1));
                      },
                  .again = kTenth,
                  .check =
                      [](Scene& scene) {
                        EXPECT_GE(scene.proxy->Count("PATCH", ""), 10);
                      }});
  rows.push_back(
      {.name = "session lost always",
       .arrange = [=](Scene& scene) { scene.proxy->Add(unknown("PUT", -1)); },
       .message = "BLOB_UPLOAD_UNKNOWN",
       .code = ErrorCode::kNotFound,
       .again = 4 * kBlobBytes});
  rows.push_back({.name = "Range behind what was sent",
                  .arrange =
                      [](Scene& scene) {
                        UseChunks(scene);
                        scene.proxy->Add(Edit("PATCH", 1, [](auto& head) {
                          SetField(head, "Range", "0-99999");
                        }));
                      },
                  .again = kTenth,
                  .again_if_lost = kBlobBytes + kTenth});
  rows.push_back(
      {.name = "Range that never moves",
       .arrange =
           [](Scene& scene) {
             UseChunks(scene);
             scene.proxy->Add(
                 {.method = "PATCH",
                  .times = -1,
                  .respond = [](const SeenRequest& request) {
                    return FaultProxy::Response(
                        202, {"Location: " + request.target, "Range: 0-0"});
                  }});
           },
       .message = "has only 0 bytes of 300000 sent, again and again",
       .again = 5 * kTenth});
  rows.push_back({.name = "Range ahead of what was sent",
                  .arrange =
                      [](Scene& scene) {
                        UseChunks(scene);
                        scene.proxy->Add(Edit("PATCH", 1, [](auto& head) {
                          SetField(head, "Range", "0-399999");
                        }));
                      },
                  .message = "claims to have 400000 bytes of 300000 sent",
                  .code = ErrorCode::kUnsupported});
  rows.push_back({.name = "status ahead of what was sent",
                  .arrange =
                      [](Scene& scene) {
                        UseChunks(scene);
                        Fault unavailable = Answer("PATCH", "", 1, 503);
                        unavailable.skip = 1;
                        scene.proxy->Add(std::move(unavailable));
                        Fault ahead = Edit("GET", 1, [](auto& head) {
                          SetField(head, "Range", "0-1999999");
                        });
                        ahead.path = "/uploads/";
                        scene.proxy->Add(std::move(ahead));
                      },
                  .again = 2 * kTenth});
}

void AddContentFaults(std::vector<FaultRow>& rows) {
  rows.push_back({.name = "wrong bytes once",
                  .arrange =
                      [](Scene& scene) {
                        scene.proxy->Add(
                            {.method = "PUT", .corrupt_request = true});
                      },
                  .again = kBlobBytes});
  rows.push_back(
      {.name = "wrong bytes always",
       .arrange =
           [](Scene& scene) {
             scene.proxy->Add(
                 {.method = "PUT", .times = -1, .corrupt_request = true});
           },
       .message = "DIGEST_INVALID",
       .code = ErrorCode::kCorrupt,
       .again = kBlobBytes,
       .check =
           [](Scene& scene) { EXPECT_EQ(scene.proxy->Count("PUT", ""), 2); }});
}

void AddLocations(std::vector<FaultRow>& rows) {
  // "http://host/path?query" of an answer, whatever its form.
  auto absolute = [](const std::string& head, const std::string& authority) {
    std::string location = FieldOf(head, "Location");
    size_t path = location.find("/v2/");
    return "http://" + authority + location.substr(path);
  };
  rows.push_back({.name = "absolute Location", .arrange = [=](Scene& scene) {
                    std::string authority = scene.proxy->authority();
                    scene.proxy->Add(Edit("POST", 1, [=](auto& head) {
                      SetField(head, "Location", absolute(head, authority));
                    }));
                  }});
  rows.push_back(
      {.name = "Location without a host", .arrange = [=](Scene& scene) {
         scene.proxy->Add(Edit("POST", 1, [=](auto& head) {
           SetField(head, "Location", absolute(head, "").substr(7));
         }));
       }});
  rows.push_back({.name = "relative Location", .arrange = [=](Scene& scene) {
                    scene.proxy->Add(Edit("POST", 1, [=](auto& head) {
                      std::string url = absolute(head, "");
                      SetField(head, "Location",
                               url.substr(url.rfind('/') + 1));
                    }));
                  }});
  rows.push_back(
      {.name = "no Location",
       .arrange =
           [](Scene& scene) { scene.proxy->Add(Answer("POST", "", 1, 202)); },
       .message = "without a Location",
       .code = ErrorCode::kUnsupported});
  auto alone = [](Scene& scene) {
    EXPECT_GE(scene.other->Count("PUT", ""), 1);
    for (const SeenRequest& request : scene.other->Seen()) {
      EXPECT_EQ(request.Header("authorization"), "");
    }
  };
  rows.push_back({.name = "Location on another host",
                  .arrange =
                      [=](Scene& scene) {
                        std::string there = scene.StartOther().authority();
                        scene.GuardWithTokens(
                            100, Edit("POST", 1, [=](auto& head) {
                              if (FieldOf(head, "Location").empty()) return;
                              SetField(head, "Location", absolute(head, there));
                            }));
                      },
                  .check = alone});
  rows.push_back({.name = "content redirected to another host",
                  .arrange =
                      [=](Scene& scene) {
                        std::string there = scene.StartOther().authority();
                        auto move = [=](const SeenRequest& request) {
                          if (request.method != "PUT") return std::string();
                          return FaultProxy::Response(
                              307,
                              {"Location: http://" + there + request.target});
                        };
                        scene.GuardWithTokens(100, {.respond = move});
                      },
                  .again = kBlobBytes,
                  .check = alone});
}

void AddAuthorization(std::vector<FaultRow>& rows) {
  rows.push_back({.name = "401 in the middle of chunks",
                  .arrange =
                      [](Scene& scene) {
                        UseChunks(scene);
                        scene.GuardWithTokens(4);
                      },
                  .again = 3 * kTenth,
                  .check =
                      [](Scene& scene) {
                        EXPECT_GE(scene.proxy->Count("GET", "/token"), 3);
                      }});
  rows.push_back({.name = "401 at the content",
                  .arrange = [](Scene& scene) { scene.GuardWithTokens(1); },
                  .again = kBlobBytes});
  rows.push_back({.name = "401 always",
                  .arrange = [](Scene& scene) { scene.GuardWithTokens(0); },
                  .message = "asks for a login, and none was given",
                  .code = ErrorCode::kUnauthorized});
}

}  // namespace

std::vector<FaultRow> PushFaults() {
  std::vector<FaultRow> rows;
  AddResets(rows);
  AddConnectionFaults(rows);
  AddRefusals(rows);
  AddSizeLimits(rows);
  AddSessionFaults(rows);
  AddContentFaults(rows);
  AddLocations(rows);
  AddAuthorization(rows);
  return rows;
}

}  // namespace strake::registry
