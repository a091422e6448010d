import httpx
import pytest

ACTIVITIES = "/TimeTracking/Activity"
ACTIVITY = {"activityType": 200, "code": "CRM-1", "name": "Møte"}


def data(answer: httpx.Response):
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True, answer.text
    return answer.json()["data"]


def refusal(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is False
    assert "data" not in answer.json()
    return answer.json()["validation"]["summary"]


def test_the_host_of_version_1_asks_for_no_subscription_key(v1: httpx.Client) -> None:
    assert v1.get(ACTIVITIES).status_code == 200


def test_version_1_wants_a_token(v1: httpx.Client) -> None:
    del v1.headers["Authorization"]
    assert v1.get(ACTIVITIES).status_code == 401


def test_lists_come_in_an_envelope_with_the_count_of_all(v1: httpx.Client) -> None:
    answer = v1.get(ACTIVITIES, params={"$top": 5, "$skip": 10, "$orderby": "id"}).json()
    assert (len(answer["data"]), answer["count"]) == (2, 12)
    assert v1.get(ACTIVITIES, params={"$skip": 99}).json()["data"] == []


def test_names_are_camel_case_and_stamps_end_in_z(v1: httpx.Client) -> None:
    first = data(v1.get(ACTIVITIES))[0]
    assert {"id", "activityType", "requireProject"} <= first.keys()
    assert first["lastChanged"].endswith("Z")


def test_order_and_filter_are_odata(v1: httpx.Client) -> None:
    names = [row["name"] for row in data(v1.get(ACTIVITIES, params={"$orderby": "name desc"}))]
    assert names == sorted(names, reverse=True)
    assert [row["code"] for row in data(v1.get(ACTIVITIES, params={"$filter": "code eq '110' and activityType eq 100"}))] == [
        "110"
    ]
    assert data(v1.get(ACTIVITIES, params={"$filter": "lastChanged gt 2030-01-01T00:00:00Z"})) == []
    assert "filter" in refusal(v1.get(ACTIVITIES, params={"$filter": "code is '110'"}))


def test_a_post_without_an_id_creates(v1: httpx.Client) -> None:
    new = data(v1.post(ACTIVITIES, json=ACTIVITY))
    assert new["isActive"] is True
    assert data(v1.get(f"{ACTIVITIES}/{new['id']}")) == new


def test_a_post_with_an_id_replaces_the_whole_record(v1: httpx.Client) -> None:
    new = data(v1.post(ACTIVITIES, json=ACTIVITY | {"hourlyRate": 900}))
    changed = data(v1.post(ACTIVITIES, json=ACTIVITY | {"id": new["id"], "name": "Annet"}))
    assert (changed["id"], changed["name"], changed["hourlyRate"]) == (new["id"], "Annet", None)
    assert changed["lastChanged"] > new["lastChanged"]
    assert "not found" in refusal(v1.post(ACTIVITIES, json=ACTIVITY | {"id": 5}))


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"code": None}, "code"),
        ({"name": ""}, "name"),
        ({"activityType": 0}, "activity type"),
        ({"code": "100"}, "already exists"),
        ({"code": "x" * 51}, "50"),
        ({"productCode": "P-00001"}, "billable"),
    ],
)
def test_a_refusal_is_a_200_that_says_so(v1: httpx.Client, values, word) -> None:
    assert word in refusal(v1.post(ACTIVITIES, json=ACTIVITY | values))


def test_an_activity_that_projects_use_cannot_be_deleted(v1: httpx.Client) -> None:
    used = data(v1.get(ACTIVITIES, params={"$filter": "code eq '300'"}))[0]
    assert "in use" in refusal(v1.delete(f"{ACTIVITIES}/{used['id']}"))
    new = data(v1.post(ACTIVITIES, json=ACTIVITY))
    assert v1.delete(f"{ACTIVITIES}/{new['id']}").json() == {"success": True}
    assert "not found" in refusal(v1.get(f"{ACTIVITIES}/{new['id']}"))


def test_an_activity_joins_a_project_by_its_code_and_lends_it_its_name(v1: httpx.Client) -> None:
    data(v1.post(ACTIVITIES, json=ACTIVITY))
    joined = data(v1.post("/Project/1/Activity", json={"activityCode": "CRM-1", "name": "Not this"}))
    assert (joined["name"], joined["projectCode"]) == ("Møte", "INTERN")
    assert "projectId" not in joined
    assert data(v1.get(f"/ProjectActivity/{joined['id']}")) == joined
    assert data(v1.get(f"/Project/1/Activity/{joined['id']}")) == joined


def test_the_name_of_a_project_activity_follows_its_activity(v1: httpx.Client) -> None:
    activity = data(v1.post(ACTIVITIES, json=ACTIVITY))
    joined = data(v1.post("/Project/1/Activity", json={"activityCode": "CRM-1"}))
    data(v1.post(ACTIVITIES, json=ACTIVITY | {"id": activity["id"], "name": "Nytt navn"}))
    assert data(v1.get(f"/ProjectActivity/{joined['id']}"))["name"] == "Nytt navn"


def test_joining_needs_an_activity_and_a_project_and_happens_once(v1: httpx.Client) -> None:
    assert "nonsense" in refusal(v1.post("/Project/1/Activity", json={"activityCode": "nonsense"}))
    assert "project" in refusal(v1.post("/Project/99/Activity", json={"activityCode": "100"}))
    data(v1.post("/Project/1/Activity", json={"activityCode": "100"}))
    assert "already part" in refusal(v1.post("/Project/1/Activity", json={"activityCode": "100"}))


def test_a_project_lists_its_own_activities(v1: httpx.Client) -> None:
    assert [row["activityCode"] for row in data(v1.get("/Project/1/Activity"))] == ["300"]
    assert "project" in refusal(v1.get("/Project/99/Activity"))
