"""What a client in Python does: reports a sighting, reads it back, asks for one that is not there, looks at the map."""

import json
import sys

from client import Client
from client.api.entries import create_entry, get_entry
from client.api.map_ import list_area_sightings
from client.models import AreaSightings, Entry, EntryInput, StringError, ValidationError


def main(server: str) -> None:
    with Client(base_url=server, raise_on_unexpected_status=True) as client:
        made = create_entry.sync(client=client, body=EntryInput(text="Seen by a client in Python", nickname="Smokey"))
        assert isinstance(made, Entry), made
        found = get_entry.sync(made.id, client=client)
        assert isinstance(found, Entry) and found == made, found
        assert found.nickname == "Smokey" and found.location_lat is None, found
        missing = get_entry.sync(made.id + 1000, client=client)
        assert isinstance(missing, StringError), missing
        area = list_area_sightings.sync(client=client, lat=52.5200081, lon=13.4049541)
        assert isinstance(area, AreaSightings) and area.center_lat == 52.5200081, area
        refused = list_area_sightings.sync(client=client, lat=52.5, lon=13.4, radius=10_001)
        assert isinstance(refused, ValidationError), refused
        print(json.dumps({"id": made.id, "code": missing.code, "field": refused.detail[0].loc[1]}))


main(sys.argv[1])
