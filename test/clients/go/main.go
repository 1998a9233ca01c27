// What a client in Go does: reports a sighting, reads it back, asks for one that is not there, looks at the map.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"catatlas.invalid/client/api"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(server string) error {
	ctx := context.Background()
	client, err := api.NewClientWithResponses(server)
	if err != nil {
		return err
	}
	nickname := "Smokey"
	made, err := client.CreateEntryWithResponse(ctx, api.EntryInput{Text: "Seen by a client in Go", Nickname: &nickname})
	if err != nil {
		return err
	}
	if made.JSON200 == nil {
		return fmt.Errorf("create: %s %s", made.Status(), made.Body)
	}
	entry := made.JSON200
	found, err := client.GetEntryWithResponse(ctx, entry.Id)
	if err != nil {
		return err
	}
	if found.JSON200 == nil || found.JSON200.Text != entry.Text || *found.JSON200.Nickname != nickname || found.JSON200.LocationLat != nil {
		return fmt.Errorf("read: %s %s", found.Status(), found.Body)
	}
	missing, err := client.GetEntryWithResponse(ctx, entry.Id+1000)
	if err != nil {
		return err
	}
	if missing.JSON404 == nil {
		return fmt.Errorf("missing: %s %s", missing.Status(), missing.Body)
	}
	// With 32 bits it would be somewhere else.
	const latitude = 52.5200081
	area, err := client.ListAreaSightingsWithResponse(ctx, &api.ListAreaSightingsParams{Lat: latitude, Lon: 13.4049541})
	if err != nil {
		return err
	}
	if area.JSON200 == nil || area.JSON200.CenterLat != latitude {
		return fmt.Errorf("area: %s %s", area.Status(), area.Body)
	}
	tooLong := 10_001
	refused, err := client.ListAreaSightingsWithResponse(ctx, &api.ListAreaSightingsParams{Lat: latitude, Lon: 13.4, Radius: &tooLong})
	if err != nil {
		return err
	}
	if refused.JSON422 == nil {
		return fmt.Errorf("refused: %s %s", refused.Status(), refused.Body)
	}
	field, err := refused.JSON422.Detail[0].Loc[1].AsFieldProblemLoc0()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"id": entry.Id, "code": missing.JSON404.Code, "field": field})
}
