"""What tasks a service wants: slots that are filled, healed, updated, emptied; jobs and their schedules."""
