"""Where the terms of British flexibility meet those of OpenADR, both directions on one page.

    carrier     a signed text in and out of intervals, and the projection beside it
    contract    contract and market <-> program; contract terms <-> contract event
    dispatch    schedule ... cancellation <-> the event of a dispatch
    answer      what a VEN says <-> report

Nobody else reads or writes payload types.
"""
