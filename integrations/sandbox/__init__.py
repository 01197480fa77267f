"""A small separate server that speaks the HTTP of VideoSDK, FCM and Google's token endpoint, with faults on demand."""
