// What can go wrong with a pull.

#include "tests/registry/fault_scene.h"

namespace strake::registry {
namespace {

using strake::testing::Fault;
using strake::testing::FaultProxy;
using strake::testing::SeenRequest;

// A fault at the blob, which `change` fills in.
Fault AtBlob(int times, const std::function<void(Fault&)>& change) {
  Fault fault;
  fault.method = "GET";
  fault.path = "/blobs/";
  fault.times = times;
  change(fault);
  return fault;
}

Fault Refuse(int times, int status, std::vector<std::string> fields = {}) {
  return Answer("GET", "/blobs/", times, status, std::move(fields));
}

// The arrangement that is one such fault.
std::function<void(Scene&)> One(int times,
                                const std::function<void(Fault&)>& change) {
  return [=](Scene& scene) { scene.proxy->Add(AtBlob(times, change)); };
}

std::function<void(Scene&)> OneRefusal(int times, int status,
                                       std::vector<std::string> fields = {}) {
  return [=](Scene& scene) { scene.proxy->Add(Refuse(times, status, fields)); };
}

std::function<void(Scene&)> AskedTimes(int count) {
  return [=](Scene& scene) {
    EXPECT_EQ(scene.proxy->Count("GET", "/blobs/"), count);
  };
}

// Makes the proxy a mirror before the registry.
void BeAMirror(Scene& scene) {
  std::string conf = "[[registry]]\nlocation = \"" + scene.direct.registry +
                     "\"\n[[registry.mirror]]\n" + "location = \"" +
                     scene.proxy->authority() + "\"\n";
  scene.options.registries = *RegistriesConfig::Parse(conf, "r.conf");
  scene.place = scene.direct;
}

void AddCuts(std::vector<FaultRow>& rows) {
  for (int tenth = 1; tenth <= 9; ++tenth) {
    const uint64_t cut = static_cast<uint64_t>(tenth) * kTenth;
    rows.push_back(
        {.name = "reset after tenth " + std::to_string(tenth),
         .arrange = One(1, [=](Fault& f) { f.reset_response_after = cut; }),
         .check = AskedTimes(2)});
  }
  rows.push_back(
      {.name = "cut after every tenth",
       .arrange = One(9, [](Fault& f) { f.cut_response_after = kTenth; }),
       .check = AskedTimes(10)});
  rows.push_back(
      {.name = "cut before the first byte, always",
       .arrange = One(-1, [](Fault& f) { f.cut_response_after = 0; }),
       .message = "127.0.0.1",
       .check = AskedTimes(5)});
  rows.push_back({.name = "ranges ignored after a cut",
                  .arrange =
                      [](Scene& scene) {
                        scene.proxy->Add(AtBlob(1, [](Fault& f) {
                          f.reset_response_after = 4 * kTenth;
                        }));
                        scene.proxy->Add(AtBlob(1, [&](Fault& f) {
                          f.respond = [content = scene.content](auto&) {
                            return FaultProxy::Response(200, {}, content);
                          };
                        }));
                      },
                  .again = 4 * kTenth});
  rows.push_back({.name = "ranges refused after a cut",
                  .arrange =
                      [](Scene& scene) {
                        scene.proxy->Add(AtBlob(1, [](Fault& f) {
                          f.reset_response_after = 4 * kTenth;
                        }));
                        scene.proxy->Add(Refuse(1, 416));
                      },
                  .again = 4 * kTenth,
                  .check = AskedTimes(3)});
  rows.push_back({.name = "a range that leaves a gap",
                  .arrange =
                      [](Scene& scene) {
                        scene.proxy->Add(AtBlob(1, [](Fault& f) {
                          f.reset_response_after = kTenth;
                        }));
                        scene.proxy->Add(Answer(
                            "GET", "/blobs/", 1, 206,
                            {"Content-Range: bytes 900000-900000/2"}, "x"));
                      },
                  .message = "bytes 900000-900000/2",
                  .code = ErrorCode::kUnsupported});
}

void AddConnectionFaults(std::vector<FaultRow>& rows) {
  rows.push_back({.name = "refused connection",
                  .arrange = [](Scene& scene) { scene.proxy.reset(); },
                  .message = "Couldn't connect to server"});
  rows.push_back({.name = "stalled body",
                  .arrange =
                      [](Scene& scene) {
                        scene.LoseNoTime();
                        scene.proxy->Add(AtBlob(1, [](Fault& f) {
                          f.stall_response_after = 5 * kTenth;
                        }));
                      },
                  .check = AskedTimes(2)});
  rows.push_back({.name = "no answer",
                  .arrange =
                      [](Scene& scene) {
                        scene.LoseNoTime();
                        scene.options.retry.max_retries = 0;
                        scene.proxy->Add(
                            AtBlob(1, [](Fault& f) { f.hang = true; }));
                      },
                  .message = "no byte moved for 1 s"});
  rows.push_back({.name = "something else than HTTP",
                  .arrange = One(1,
                                 [](Fault& f) {
                                   f.respond = [](auto&) {
                                     return std::string("220 mail ready\r\n");
                                   };
                                 }),
                  .message = "HTTP"});
}

void AddContentFaults(std::vector<FaultRow>& rows) {
  auto corrupt = [](Fault& f) { f.corrupt_response = true; };
  auto shorten = [](Fault& f) { f.shorten_response_by = 1000; };
  rows.push_back({.name = "wrong bytes once",
                  .arrange = One(1, corrupt),
                  .again = kBlobBytes,
                  .check = AskedTimes(2)});
  rows.push_back({.name = "wrong bytes always",
                  .arrange = One(-1, corrupt),
                  .message = "the registry sent other content, with digest",
                  .code = ErrorCode::kCorrupt,
                  .again = kBlobBytes,
                  .check = AskedTimes(2)});
  rows.push_back({.name = "wrong bytes of a mirror",
                  .arrange =
                      [=](Scene& scene) {
                        BeAMirror(scene);
                        scene.proxy->Add(AtBlob(-1, corrupt));
                      },
                  .again = 2 * kBlobBytes,
                  .check = AskedTimes(2)});
  rows.push_back({.name = "truncated body once",
                  .arrange = One(1, shorten),
                  .again = kBlobBytes,
                  .check = AskedTimes(2)});
  rows.push_back({.name = "truncated body always",
                  .arrange = One(-1, shorten),
                  .message = "ends after 2999000 of 3000000 bytes",
                  .code = ErrorCode::kCorrupt,
                  .again = kBlobBytes,
                  .check = AskedTimes(2)});
  rows.push_back({.name = "longer body always",
                  .arrange =
                      [](Scene& scene) {
                        scene.proxy->Add(AtBlob(-1, [&](Fault& f) {
                          f.respond = [longer = scene.content + "more"](auto&) {
                            return FaultProxy::Response(200, {}, longer);
                          };
                        }));
                      },
                  .message = "longer than the 3000000 bytes",
                  .code = ErrorCode::kCorrupt,
                  .again = kBlobBytes,
                  .check = AskedTimes(2)});
  rows.push_back({.name = "length announced too large",
                  .arrange = One(1,
                                 [](Fault& f) {
                                   f.edit_head = [](std::string& head) {
                                     size_t at = head.find("3000000");
                                     head.replace(at, 7, "3000999");
                                   };
                                 }),
                  .check = AskedTimes(1)});
}

void AddRefusals(std::vector<FaultRow>& rows) {
  for (int status : {500, 502, 503, 504}) {
    std::string number = std::to_string(status);
    rows.push_back({.name = number + " once",
                    .arrange = OneRefusal(1, status),
                    .check = AskedTimes(2)});
    rows.push_back({.name = number + " always",
                    .arrange = OneRefusal(-1, status),
                    .message = "the registry answered " + number,
                    .check = AskedTimes(5)});
  }
  rows.push_back({.name = "403",
                  .arrange = OneRefusal(-1, 403),
                  .message = "403 Forbidden",
                  .code = ErrorCode::kUnauthorized,
                  .check = AskedTimes(1)});
  rows.push_back({.name = "404",
                  .arrange = OneRefusal(-1, 404),
                  .message = "404 Not Found",
                  .code = ErrorCode::kNotFound,
                  .check = AskedTimes(1)});
  for (int status : {403, 404, 429, 503}) {
    rows.push_back({.name = std::to_string(status) + " of a mirror",
                    .arrange =
                        [=](Scene& scene) {
                          BeAMirror(scene);
                          scene.proxy->Add(Refuse(-1, status));
                        },
                    .check = AskedTimes(1)});
  }
  rows.push_back({.name = "429 with Retry-After",
                  .arrange = OneRefusal(1, 429, {"Retry-After: 0"}),
                  .check = AskedTimes(2)});
  rows.push_back({.name = "429 without Retry-After",
                  .arrange = OneRefusal(2, 429),
                  .check = AskedTimes(3)});
  rows.push_back({.name = "429 for hours",
                  .arrange = OneRefusal(-1, 429, {"Retry-After: 7200"}),
                  .message = "try again in 2 h",
                  .check = AskedTimes(1)});
  rows.push_back(
      {.name = "429 of a registry whose clock is years ahead",
       .arrange = OneRefusal(1, 429,
                             {"Date: Fri, 01 Jan 2100 10:00:00 GMT",
                              "Retry-After: Fri, 01 Jan 2100 09:59:59 GMT"}),
       .check = AskedTimes(2)});
}

void AddAuthorization(std::vector<FaultRow>& rows) {
  rows.push_back({.name = "token expired at the continuation",
                  .arrange =
                      [](Scene& scene) {
                        Fault cut;
                        cut.cut_response_after = 4 * kTenth;
                        scene.GuardWithTokens(1, cut);
                        scene.options.retry.max_retries = 10;
                      },
                  .check =
                      [](Scene& scene) {
                        EXPECT_EQ(scene.proxy->Count("GET", "/token"), 3);
                      }});
  rows.push_back({.name = "401 always",
                  .arrange = [](Scene& scene) { scene.GuardWithTokens(0); },
                  .message = "asks for a login, and none was given",
                  .code = ErrorCode::kUnauthorized});
  rows.push_back(
      {.name = "redirect to another host",
       .arrange =
           [](Scene& scene) {
             std::string there = scene.StartOther().authority();
             auto move = [=](const SeenRequest& request) {
               if (request.target.find("/blobs/") == std::string::npos) {
                 return std::string();
               }
               return FaultProxy::Response(
                   307, {"Location: http://" + there + request.target});
             };
             scene.GuardWithTokens(100, {.respond = move});
             scene.other->Add(
                 AtBlob(1, [](Fault& f) { f.reset_response_after = kTenth; }));
           },
       .check =
           [](Scene& scene) {
             EXPECT_EQ(scene.other->Count("GET", "/blobs/"), 2);
             for (const SeenRequest& request : scene.other->Seen()) {
               EXPECT_EQ(request.Header("authorization"), "");
             }
           }});
  rows.push_back({.name = "redirects in a circle",
                  .arrange = One(-1,
                                 [](Fault& f) {
                                   f.respond = [](const SeenRequest& request) {
                                     return FaultProxy::Response(
                                         302, {"Location: " + request.target});
                                   };
                                 }),
                  .message = "more than 10 redirects",
                  .code = ErrorCode::kUnsupported});
}

}  // namespace

std::vector<FaultRow> PullFaults() {
  std::vector<FaultRow> rows;
  AddCuts(rows);
  AddConnectionFaults(rows);
  AddContentFaults(rows);
  AddRefusals(rows);
  AddAuthorization(rows);
  return rows;
}

}  // namespace strake::registry
